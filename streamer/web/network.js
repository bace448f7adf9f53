// What the browser itself measures of a connection, once a second: round trip, the buffer before the loudspeaker, loss.

const rate = (now, before, over, overBefore) => (over > overBefore ? (now - before) / (over - overBefore) : null);

export class Network {
  #before = null;

  /** → { rttMs, playoutMs, lossShare, direct } ; null where unknown. */
  async read(pc) {
    const reports = [...(await pc.getStats()).values()];
    const transport = reports.find((r) => r.type === "transport");
    const pair = reports.find((r) => r.id === transport?.selectedCandidatePairId)
      ?? reports.find((r) => r.type === "candidate-pair" && r.state === "succeeded" && r.nominated);
    const sound = reports.find((r) => r.type === "inbound-rtp" && r.kind === "audio");
    const now = {
      pc,
      delayS: sound?.jitterBufferDelay ?? 0,
      emitted: sound?.jitterBufferEmittedCount ?? 0,
      lost: sound?.packetsLost ?? 0,
      received: sound?.packetsReceived ?? 0,
    };
    const before = this.#before?.pc === pc ? this.#before : null;
    this.#before = now;
    const rttS = pair?.currentRoundTripTime;
    return {
      rttMs: Number.isFinite(rttS) ? 1000 * rttS : null,
      playoutMs: before && scaled(rate(now.delayS, before.delayS, now.emitted, before.emitted), 1000),
      lossShare: before && lossOf(now, before),
    };
  }
}

const scaled = (value, by) => (value === null ? null : value * by);

function lossOf(now, before) {
  const lost = Math.max(0, now.lost - before.lost);
  const all = lost + now.received - before.received;
  return all > 0 ? lost / all : null;
}
