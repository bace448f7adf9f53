// Turns what the server says into shapes the page can trust: finite numbers or null, short strings, bounded lists.
// A field that is missing or of another type reads as null; an unknown message reads as null too. Pure.

import { number } from "./format.js";

const MAX_STAGES = 16;
const MAX_WORDS = 5000;
const MAX_LETTERS = 50_000;

const object = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});
const words = (value, limit = 300) => (typeof value === "string" ? value.slice(0, limit) : "");

/** One JSON text to a message object with a `type`, or null. */
export function message(text) {
  if (typeof text !== "string") return null;
  try {
    const parsed = JSON.parse(text);
    return typeof object(parsed).type === "string" ? parsed : null;
  } catch {
    return null;
  }
}

function sentence(text) {
  const trimmed = text.trim();
  return trimmed && trimmed[0].toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? "" : ".");
}

function stage(raw) {
  const { name, p50_ms, p95_ms, delay_ms } = object(raw);
  return { name: words(name, 24), p50: number(p50_ms), p95: number(p95_ms), delay: number(delay_ms) };
}

function captioning({ pace, hold_s, late_words }) {
  return { pace: words(pace, 16) || "live", hold: number(hold_s) ?? 0, late: number(late_words) ?? 0 };
}

export function stats(raw) {
  const levels = object(raw.levels);
  const total = object(raw.total_ms);
  const drops = object(raw.drops);
  const stages = Array.isArray(raw.stages) ? raw.stages.slice(0, MAX_STAGES).map(stage) : [];
  return {
    time: number(raw.time_s),
    inDb: number(levels.in_db),
    outDb: number(levels.out_db),
    inLufs: number(levels.in_lufs),
    outLufs: number(levels.out_lufs),
    speech: number(raw.speech),
    speaking: raw.speaking === true,
    stages: stages.filter((s) => s.name !== ""),
    p50: number(total.p50),
    p95: number(total.p95),
    skew: number(raw.skew_ms),
    drops: { sound: number(drops.sound), picture: number(drops.picture), concealed: number(drops.concealed_ms) },
    publishers: number(raw.publishers),
    viewers: number(raw.viewers),
    captions: raw.captions ? captioning(object(raw.captions)) : null,
    compiled: typeof raw.compiled === "boolean" ? raw.compiled : null,
  };
}

/** A caption event; null when it has no segment, without which nothing can be put in its place. */
export function caption(raw) {
  const segment = number(raw.segment);
  if (segment === null) return null;
  const spoken = Array.isArray(raw.words) ? raw.words.slice(0, MAX_WORDS).map(object) : [];
  return {
    segment,
    committed: words(raw.committed, MAX_LETTERS),
    tail: words(raw.tail, MAX_LETTERS),
    words: spoken.map(({ text, start_s, end_s }) => ({ text: words(text, 80), start: number(start_s), end: number(end_s) })),
    final: raw.final === true,
    start: number(raw.start_s),
    lag: number(raw.lag_s),
    pace: words(raw.pace, 16) || "live",
  };
}

/** What becomes of a line that the session's voice says, or null. */
export function saying(raw) {
  const [line, begin, end] = [raw.line, raw.begin, raw.end].map(number);
  if (line === null) return null;
  const unspoken = raw.state === "unspoken" && Array.isArray(raw.text) ? raw.text.slice(0, 8).map((each) => words(each, 80)) : [];
  return {
    line, begin: begin ?? 0, end: end ?? 0, state: words(raw.state, 16), text: words(raw.text, 10_000), unspoken,
    said: words(raw.said, 10_000), reason: words(raw.reason, 16),
  };
}

/** A line of caption-true mode, or null. */
export function line(raw) {
  const [at, start, end, airs] = [raw.line, raw.start_s, raw.end_s, raw.airs_s].map(number);
  if ([at, start, end, airs].includes(null)) return null;
  return { number: at, text: words(raw.text, 1000), state: words(raw.state, 16), start, end, airs };
}

/** captions.json: what was said before this page listened. */
export function transcript(raw) {
  const { segments } = object(raw);
  return Array.isArray(segments) ? segments.map((each) => caption({ ...object(each), committed: object(each).text })).filter(Boolean) : [];
}

export function errorText(raw) {
  return sentence(words(object(raw).error)) || "The server refused, and did not say why.";
}

export function reason(raw) {
  return words(object(raw).reason, 120);
}

export function config(raw) {
  const { ice_servers, ready, capacity, anchor } = object(raw);
  const { sessions, free } = object(capacity);
  const { portraits, face } = object(anchor);
  return {
    iceServers: Array.isArray(ice_servers) ? ice_servers : [],
    ready: typeof ready === "boolean" ? ready : null,
    places: number(sessions),
    free: number(free),
    portraits: Array.isArray(portraits) ? portraits.filter((name) => /^[a-z]{1,16}$/.test(name)) : [],
    tracksFaces: face === true,
  };
}
