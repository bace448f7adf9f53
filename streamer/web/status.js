// The status strip, the badges and the numbers beside the meters: writes readings (reading.js) into the page.

import { $, setHidden, setText } from "./dom.js";
import { NONE, clock, count, lufs, ms, percent, skew } from "./format.js";

// Beyond this a conversation suffers (ITU-T G.114 puts it at 400 ms mouth to ear).
const SLOW_MS = 400;

const PILL = {
  idle: "Not connected", asking: "Waiting for you", connecting: "Connecting…", live: "Live", reconnecting: "Reconnecting…",
  full: "Server busy", nobody: "Waiting", taken: "Session in use", token: "Token needed", blocked: "Microphone blocked", failed: "Not connected",
};

export function showPhase(phase) {
  document.body.dataset.phase = phase;
  setText($("pill-text"), PILL[phase] ?? "Not connected");
}

function drops({ sound, picture, concealed }) {
  if (sound === null && picture === null && concealed === null) return NONE;
  const parts = [];
  if (sound) parts.push(`sound × ${Math.round(sound)}`);
  if (picture) parts.push(`picture × ${Math.round(picture)}`);
  if (concealed) parts.push(`${ms(concealed)} filled in`);
  return parts.join(", ") || "nothing";
}

export function showStats(stats) {
  setText($("s-latency"), stats.p50 === null ? NONE : `${ms(stats.p50)} · p95 ${ms(stats.p95)}`);
  setText($("s-skew"), skew(stats.skew));
  setText($("s-drops"), drops(stats.drops));
  setText($("s-viewers"), count(stats.viewers, "viewer", "viewers"));
  setText($("s-time"), clock(stats.time));
  setText($("in-lufs"), lufs(stats.inLufs));
  setText($("out-lufs"), lufs(stats.outLufs));
  setHidden($("changer-row"), !stats.stages.some((stage) => stage.name === "changer"));
  showCompiled(stats.compiled);
}

function showCompiled(compiled) {
  const chip = $("compiled");
  setHidden(chip, compiled === null);
  chip.classList.toggle("on", compiled === true);
  setText(chip, compiled ? "compiled" : "not compiled");
  chip.title = compiled
    ? "The models run as compiled code."
    : "The models run as plain code: compiled ones are still being built, or are switched off.";
}

export function showVoice(speaking, probability) {
  $("s-voice").classList.toggle("on", speaking);
  $("s-voice").classList.toggle("known", probability !== null);
  $("mic").classList.toggle("speaking", speaking);
  $("orb").classList.toggle("speaking", speaking);
  setText($("s-voice").lastElementChild, speaking ? "speaking" : probability === null ? NONE : "quiet");
}

/** Network and, for who publishes, an estimate of there and back with the server's own total; made only of measured parts. */
export function showNetwork({ rttMs, playoutMs, lossShare }, stats, publishes) {
  const loss = lossShare ? `, ${percent(lossShare)} lost` : "";
  setText($("s-network"), rttMs === null ? NONE : `${ms(rttMs)} round trip${loss}`);
  const total = stats?.p50 ?? null;
  if (!publishes || rttMs === null || playoutMs === null || total === null) return;
  const ahead = stats.stages.reduce((sum, stage) => sum + (stage.delay ?? 0), 0);
  const sum = rttMs + total + ahead + playoutMs;
  setText($("latency-sum"), `≈ ${ms(sum)} there and back`);
  $("latency-sum").classList.toggle("slow", sum > SLOW_MS);
  setText($("latency-note"), `Network ${ms(rttMs)} + server ${ms(total)} + lookahead ${ms(ahead)} + your browser's buffer ${ms(playoutMs)}. Sound cards not counted.`);
}

export function clear() {
  for (const id of ["s-latency", "s-skew", "s-network", "s-drops", "s-viewers", "s-time", "in-lufs", "out-lufs", "latency-sum"]) setText($(id), NONE);
  setText($("latency-note"), "Each stage's wait and work, drawn where it happens.");
  setHidden($("compiled"), true);
  showVoice(false, null);
}

export function serverLine({ ready, places, free }) {
  if (ready === false) return "The server is still loading its models; it starts in a moment.";
  if (places === null || free === null) return "The server is ready.";
  return free > 0 ? `The server is ready: ${free} of ${places} places free.` : `All ${places} places are taken at the moment.`;
}
