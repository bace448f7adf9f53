// The session's settings as this page sees them: what the server last said, and over it what was asked for here and not
// yet confirmed. Asked-for values show at once; the server's word replaces them when it comes, or when the server has
// gone on talking for 3 s without it: one that is silent may be gone, and is asked again when it is back.
// Knows no DOM and no connection: `send(part)` → whether it went out.

const FLUSH_MS = 80;
const PATIENCE_MS = 3000;

export const DEFAULTS = {
  enhance: { on: true, strength: 1.0 },
  changer: { on: false, pitch: 0, formants: 0 },
  level: { on: false, target_lufs: -18.0 },
  limiter: { on: true, ceiling_db: -1.0 },
  picture: { bitrate_kbps: 2500 },
  anchor: { on: false, source: "voice", character: "ada", emotion: "neutral", background: "studio", label: true, size: 512 },
  captions: { on: false, source: "raw", hot_words: [], burn: false, size: 1, position: "bottom", hold: false, hold_s: 2.5, bleep: [] },
  voice: { speed: 1, pitch_semitones: 0, energy_db: 0, pause: 1, barge_in: true },
};

const PATHS = Object.entries(DEFAULTS).flatMap(([stage, keys]) => Object.keys(keys).map((key) => `${stage}.${key}`));

function read(settings, path) {
  const [stage, key] = path.split(".");
  return settings?.[stage]?.[key];
}

function part(entries) {
  const settings = {};
  for (const [path, value] of entries) {
    const [stage, key] = path.split(".");
    settings[stage] = { ...settings[stage], [key]: value };
  }
  return settings;
}

function same(a, b) {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((each, i) => each === b[i]);
  return typeof a === "number" && typeof b === "number" ? Math.abs(a - b) < 1e-4 : a === b;
}

export class Settings {
  #send; #onChange; #onIgnored; #truth = part(PATHS.map((path) => [path, read(DEFAULTS, path)]));
  #wanted = new Map(); #timer = null; #made = null; #heardAt = -Infinity;

  constructor({ send, onChange, onIgnored }) {
    this.#send = send;
    this.#onChange = onChange;
    this.#onIgnored = onIgnored;
  }

  /** What is shown: the server's word under what was asked for here. A copy. */
  get view() {
    return part(PATHS.map((path) => [path, this.get(path)]));
  }

  get(path) {
    return this.#wanted.get(path)?.value ?? read(this.#truth, path);
  }

  pending(path) {
    return this.#wanted.has(path);
  }

  /** Asks for a value; shows it at once. */
  set(path, value) {
    if (!PATHS.includes(path) || same(this.get(path), value)) return;
    this.#wanted.set(path, { value, sentAt: null });
    this.#onChange();
    this.#schedule(FLUSH_MS);
  }

  /** The server said something, whatever it was. */
  heard() {
    this.#heardAt = performance.now();
  }

  /** The server's word. */
  accept(settings) {
    for (const path of PATHS) {
      const value = read(settings, path);
      const known = read(DEFAULTS, path);
      if (typeof value !== typeof known || Array.isArray(value) !== Array.isArray(known) || Number.isNaN(value)) continue;
      const [stage, key] = path.split(".");
      this.#truth[stage][key] = value;
      if (this.#wanted.has(path) && same(this.#wanted.get(path).value, value)) this.#wanted.delete(path);
    }
    this.#onChange();
  }

  /** The server refused: its word stands. */
  refuse() {
    for (const [path, { sentAt }] of this.#wanted) if (sentAt !== null) this.#wanted.delete(path);
    this.#onChange();
  }

  /** The server's hello. It is the truth, unless the session was made anew since the last one: then ours is. */
  greet(settings, made) {
    const remade = this.#made !== null && this.#made !== made;
    this.#made = made;
    if (remade) this.#restore(settings);
    else this.accept(settings);
  }

  /** The person ended it: the next hello is a first one. */
  forget() {
    this.#made = null;
  }

  /** Asks for everything that was set here before. */
  #restore(settings) {
    const before = PATHS.map((path) => [path, this.get(path)]);
    this.accept(settings);
    for (const [path, value] of before) if (!same(value, this.get(path))) this.#wanted.set(path, { value, sentAt: null });
    this.resume();
  }

  /** A connection stands (again): what was asked for meanwhile goes out now. */
  resume() {
    for (const wish of this.#wanted.values()) wish.sentAt = null;
    this.#onChange();
    this.#schedule(0);
  }

  #schedule(waitMs) {
    this.#timer ??= setTimeout(() => { this.#timer = null; this.#flush(); }, waitMs);
  }

  #flush() {
    const now = performance.now();
    const fresh = [...this.#wanted].filter(([, wish]) => wish.sentAt === null);
    if (fresh.length && this.#send(part(fresh.map(([path, { value }]) => [path, value])))) {
      for (const [, wish] of fresh) wish.sentAt = now;
    }
    const stale = [...this.#wanted].filter(([, { sentAt }]) => sentAt !== null && this.#heardAt - sentAt > PATIENCE_MS);
    for (const [path] of stale) this.#wanted.delete(path);
    if (stale.length) {
      this.#onChange();
      this.#onIgnored();
    }
    if ([...this.#wanted.values()].some(({ sentAt }) => sentAt !== null)) this.#schedule(PATIENCE_MS / 6);
  }
}
