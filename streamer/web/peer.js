// One WebRTC connection, from its offer to its end. It is never reopened: link.js makes the next one.
// Knows nothing of the page, nor of why one might want another.

import { message } from "./reading.js";

const GATHER_MS = 1500;
const CONNECT_MS = 10_000;
const DISCONNECTED_GRACE_MS = 500;
const SILENCE_MS = 1500;
const WATCH_MS = 250;
// Longer between two looks than a hidden page's slowest timer: the machine slept, and the clock proves nothing.
const SLEPT_MS = 3000;
const SOUND_PATH_MS = 45;
const UPLINK_SOUND_BPS = 64_000;

/** No path was found through the network. */
export class IceError extends Error {}

const MISSED = Symbol("missed");

function within(promise, limitMs) {
  let timer;
  const limit = new Promise((resolve) => { timer = setTimeout(resolve, limitMs, MISSED); });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** Asks the other side for 20 ms packets; touches only the text that is sent. */
export function askFor20ms(sdp) {
  return sdp.replace(/(m=audio [\s\S]*?)(?=\r\nm=|\r\n?$)/, (audio) =>
    /\na=ptime:/.test(audio) ? audio : `${audio}\r\na=ptime:20\r\na=maxptime:20`);
}

export class Peer {
  #door; #publishes; #takesOver; #onTrack; #onMessage;
  #events = null; #watch = null; #grace = null; #resource = null; #lose;
  #lastEventAt = null; #lastWatchAt = 0; #lastPackets = -1;

  constructor({ door, iceServers, publishes, tracks, takesOver, onTrack, onMessage }) {
    this.#door = door;
    this.#publishes = publishes;
    this.#takesOver = takesOver;
    this.#onTrack = onTrack;
    this.#onMessage = onMessage;
    this.id = null;
    this.closed = false;
    /** Resolves, with a short reason, when a connection that stood has gone. */
    this.lost = new Promise((resolve) => { this.#lose = resolve; });
    this.pc = new RTCPeerConnection({ iceServers, bundlePolicy: "max-bundle" });
    this.pc.ontrack = ({ track, receiver }) => this.#receive(track, receiver);
    // Both sections are always offered, filled or not: a camera may come later, without a new offer.
    const direction = publishes ? "sendrecv" : "recvonly";
    this.senders = {};
    for (const kind of ["audio", "video"]) {
      const transceiver = this.pc.addTransceiver(publishes && tracks[kind] ? tracks[kind] : kind, { direction });
      this.senders[kind] = transceiver.sender;
    }
  }

  /** Offers, and returns when media may flow. Throws DoorError, IceError, or the signal's own reason. */
  async open(signal) {
    const { pc } = this;
    const stop = () => this.close();
    signal.addEventListener("abort", stop, { once: true });
    try {
      if (this.#publishes) this.#openChannel();
      await pc.setLocalDescription(await pc.createOffer());
      await within(this.#gathered(), GATHER_MS);
      signal.throwIfAborted();
      const sdp = askFor20ms(pc.localDescription.sdp);
      const answer = await (this.#publishes
        ? this.#door.offer(sdp, { takesOver: this.#takesOver, signal })
        : this.#door.play(sdp, { signal }));
      this.id = answer.id;
      this.#resource = answer.resource;
      signal.throwIfAborted();
      await pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
      await this.#connected(signal);
      await this.#raiseUplink();
      if (!this.#publishes) this.#openSocket();
      this.#stayAlert();
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  send(object) {
    const channel = this.#events;
    if (!channel || (channel.readyState !== "open" && channel.readyState !== WebSocket.OPEN)) return false;
    channel.send(JSON.stringify(object));
    return true;
  }

  /** Ends it here and, unless told otherwise, there. */
  close({ tell = true } = {}) {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.#watch);
    clearTimeout(this.#grace);
    this.pc.ontrack = this.pc.onconnectionstatechange = this.pc.onicegatheringstatechange = null;
    if (this.#events) {
      this.#events.onmessage = this.#events.onclose = this.#events.onerror = null;
      this.#events.close();
    }
    this.pc.close();
    if (tell && this.#resource) this.#door.leave(this.#resource);
    this.#lose("closed");
  }

  #receive(track, receiver) {
    // As little waiting as the network allows; the browser raises it again where it must. The picture waits for what a
    // browser's sound path takes at the least: by itself Chromium needs half a minute to bring the two together.
    const target = track.kind === "video" ? SOUND_PATH_MS : 0;
    if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = target;
    else if ("playoutDelayHint" in receiver) receiver.playoutDelayHint = target / 1000;
    this.#onTrack(track);
  }

  #openChannel() {
    this.#listen(this.pc.createDataChannel("events", { ordered: true }));
  }

  #openSocket() {
    this.#listen(new WebSocket(this.#door.eventsUrl()));
  }

  #listen(channel) {
    this.#events = channel;
    channel.onmessage = ({ data }) => {
      this.#lastEventAt = performance.now();
      const parsed = message(data);
      if (parsed?.type === "bye") this.#lose("bye");
      if (parsed) this.#onMessage(parsed);
    };
    // A socket that never opened only means that there are no events; the picture plays on.
    channel.onclose = () => { if (this.#lastEventAt !== null) this.#lose("events closed"); };
    channel.onerror = () => {};
  }

  #gathered() {
    return new Promise((resolve) => {
      const check = () => { if (this.pc.iceGatheringState === "complete") resolve(); };
      this.pc.onicegatheringstatechange = check;
      check();
    });
  }

  async #connected(signal) {
    const { pc } = this;
    // An aborted signal closes this peer (open), which ends `lost`: nothing here may cling to the longer-lived signal.
    const outcome = await within(Promise.race([this.lost, new Promise((resolve) => {
      const check = () => { if (["connected", "failed", "closed"].includes(pc.connectionState)) resolve(pc.connectionState); };
      pc.onconnectionstatechange = check;
      check();
    })]), CONNECT_MS);
    signal.throwIfAborted();
    if (outcome !== "connected") throw new IceError("No path through the network was found.");
  }

  /** The browser's 32 kbit/s default is thin food for a cleaner. */
  async #raiseUplink() {
    if (!this.#publishes) return;
    try {
      const parameters = this.senders.audio.getParameters();
      for (const encoding of parameters.encodings ?? []) encoding.maxBitrate = UPLINK_SOUND_BPS;
      await this.senders.audio.setParameters(parameters);
    } catch {
      // An older browser keeps its default.
    }
  }

  #stayAlert() {
    const { pc } = this;
    pc.onconnectionstatechange = () => {
      clearTimeout(this.#grace);
      if (pc.connectionState === "failed" || pc.connectionState === "closed") this.#lose(pc.connectionState);
      if (pc.connectionState === "disconnected") {
        this.#grace = setTimeout(() => this.#lose("disconnected"), DISCONNECTED_GRACE_MS);
      }
    };
    pc.onconnectionstatechange();
    this.#lastWatchAt = performance.now();
    this.#watch = setInterval(() => this.#checkSilence(), WATCH_MS);
  }

  /** A server killed outright says nothing: no events and no media for 1.5 s means that it has gone. */
  async #checkSilence() {
    const now = performance.now();
    const slept = now - this.#lastWatchAt > SLEPT_MS;
    this.#lastWatchAt = now;
    if (slept || this.#lastEventAt === null || now - this.#lastEventAt < SILENCE_MS) {
      this.#lastPackets = -1;
      return;
    }
    const before = this.#lastPackets;
    this.#lastPackets = await this.#packets();
    if (!this.closed && before === this.#lastPackets) this.#lose("silence");
  }

  async #packets() {
    let sum = 0;
    for (const report of (await this.pc.getStats()).values()) {
      if (report.type === "inbound-rtp") sum += report.packetsReceived ?? 0;
    }
    return sum;
  }
}
