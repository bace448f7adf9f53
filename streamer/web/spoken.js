// Committed captions for screen readers: a log that is announced politely, some words at a time, because one word at a
// time would be a stutter. Tails are never announced. Knows the event's shape only.

import { make } from "./dom.js";

const ENOUGH_LETTERS = 60;
const KEPT = 6;

export class Spoken {
  #log; #held = "";

  /** `log`: an element with role="log". */
  constructor(log) {
    this.#log = log;
  }

  hear({ committed, final }) {
    this.#held = `${this.#held} ${committed}`.trim();
    if (!this.#held || !(final || this.#held.length >= ENOUGH_LETTERS || /[.?!…]$/.test(this.#held))) return;
    this.#log.append(make("p", {}, this.#held));
    this.#held = "";
    while (this.#log.children.length > KEPT) this.#log.firstElementChild.remove();
  }
}
