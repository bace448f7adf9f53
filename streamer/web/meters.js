// A level meter: a bar with a falling peak mark, moved by transforms only. Knows decibels, not where they come from.

const FLOOR_DB = -60;
const FALL_DB_PER_S = 24;
const HOLD_MS = 1200;
const SPOKEN_EVERY_MS = 1000;

const share = (db) => Math.min(1, Math.max(0, 1 - db / FLOOR_DB));

export class Meter {
  #root; #cover; #mark; #shown = FLOOR_DB; #peak = FLOOR_DB; #peakAt = 0; #lastAt = 0; #spokenAt = 0;

  constructor(root) {
    this.#root = root;
    [this.#cover, this.#mark] = root.children;
    this.draw(FLOOR_DB, 0);
  }

  /** Rises at once, falls at 24 dB/s, holds its peak for 1.2 s. */
  draw(db, now) {
    const level = Number.isFinite(db) ? Math.max(FLOOR_DB, db) : FLOOR_DB;
    const elapsed = Math.min(now - this.#lastAt, 1000);
    this.#lastAt = now;
    this.#shown = Math.max(level, this.#shown - (FALL_DB_PER_S * elapsed) / 1000);
    if (level >= this.#peak || now - this.#peakAt > HOLD_MS) {
      this.#peak = this.#shown;
      this.#peakAt = now;
    }
    this.#cover.style.transform = `scaleX(${(1 - share(this.#shown)).toFixed(4)})`;
    this.#mark.style.transform = `translateX(${(100 * share(this.#peak)).toFixed(2)}%)`;
    if (now - this.#spokenAt > SPOKEN_EVERY_MS) this.#speak(now);
  }

  #speak(now) {
    this.#spokenAt = now;
    this.#root.setAttribute("aria-valuenow", String(Math.round(this.#shown)));
    this.#root.setAttribute("aria-valuetext", `${Math.round(this.#shown)} decibels`);
  }
}
