// Numbers as people read them: with a unit, a true minus, and a dash where there is no number. Pure.

export const NONE = "–";

export function number(value) {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function fixed(value, digits) {
  const text = Math.abs(value).toFixed(digits);
  return value < 0 && Number(text) !== 0 ? `−${text}` : text;
}

export function ms(value) {
  const x = number(value);
  if (x === null) return NONE;
  if (Math.abs(x) >= 9999.5) return `${fixed(x / 1000, 0)} s`;
  return `${fixed(x, Math.abs(x) < 9.95 ? 1 : 0)} ms`;
}

/** A delay that one waits for. */
export function seconds(value) {
  const x = number(value);
  return x === null ? NONE : `${fixed(x, 1)} s`;
}

/** As `ms`, without the unit: for columns whose head names it. */
export function bareMs(value) {
  const x = number(value);
  return x === null ? NONE : fixed(x, Math.abs(x) < 9.95 ? 1 : 0);
}

export function times(value) {
  const x = number(value);
  return x === null ? NONE : `${fixed(x, 2)} ×`;
}

export function semitones(value) {
  const x = number(value);
  return x === null ? NONE : `${x > 0 ? "+" : ""}${fixed(x, 1)} st`;
}

export function db(value) {
  const x = number(value);
  if (x === null) return NONE;
  return x <= -100 ? "−∞ dB" : `${fixed(x, 1)} dB`;
}

export function lufs(value) {
  const x = number(value);
  if (x === null || x <= -100) return NONE;
  return `${fixed(x, 1)} LUFS`;
}

export function percent(value) {
  const x = number(value);
  return x === null ? NONE : `${fixed(100 * x, 0)} %`;
}

export function clock(seconds) {
  const x = number(seconds);
  if (x === null || x < 0) return NONE;
  const s = Math.floor(x);
  const two = (n) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

export function count(value, one, many) {
  const x = number(value);
  return x === null ? NONE : `${fixed(x, 0)} ${x === 1 ? one : many}`;
}

/** Skew in words: which of the two is ahead. Positive when sound is ahead of the picture. */
export function skew(value) {
  const x = number(value);
  if (x === null) return NONE;
  if (Math.abs(x) < 0.5) return "in step";
  return `${fixed(Math.abs(x), 0)} ms, ${x > 0 ? "sound" : "picture"} ahead`;
}

/** What a strength means: the deepest cut it allows (docs/protocol.md). */
export function strength(value) {
  const s = number(value);
  if (s === null) return NONE;
  if (s >= 0.995) return "100 % · no limit";
  if (s <= 0.004) return "0 % · nothing goes";
  return `${percent(s)} · at most ${fixed(20 * Math.log10(1 - s), 1)} dB`;
}
