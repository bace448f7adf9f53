// The lines of caption-true mode as this page knows them, from `line` events. Pure: knows no page and no clock.

const MOST_GONE = 30;
const STATES = ["pending", "held", "deleted", "aired"];

export class Lines {
  #lines = new Map(); #gone = [];

  /** A line event as reading.js shapes it. */
  hear(line) {
    if (!line || !STATES.includes(line.state)) return;
    this.#lines.delete(line.number);
    if (line.state !== "aired") this.#lines.set(line.number, line);
    else this.#gone = [line, ...this.#gone.filter(({ number }) => number !== line.number)].slice(0, MOST_GONE);
  }

  /** Those that can still be changed, or have just been deleted, the next one to go out first; at `now` on the session's
   *  clock. A deleted one stays until its time. */
  waiting(now) {
    for (const [number, { state, airs, end, start }] of this.#lines) {
      if (state === "deleted" && airs + (end - start) < now) this.#lines.delete(number);
    }
    return [...this.#lines.values()].sort((a, b) => a.number - b.number);
  }

  /** Those that have gone out, the last one first. */
  get gone() {
    return this.#gone;
  }

  clear() {
    this.#lines.clear();
    this.#gone = [];
  }
}
