// Draws captions into an element: what is committed stands solid, what may still change lighter and slanted. They leave
// the screen some time after the last word. Knows the event's shape (reading.js) and nothing of where it comes from.

import { make, setHidden, setText } from "./dom.js";
import { RollUp } from "./rollup.js";

const MOST_COLUMNS = 42;
const LEAST_COLUMNS = 14;
const LETTER_EM = 0.53; // a letter's usual width in a sans serif of this weight
const LINGER_S = 5;

export class Captions {
  #box; #rollUp; #lines; #timer = null; #lingerMs;

  constructor(box, { rows = 2, columns = MOST_COLUMNS, lingerS = LINGER_S } = {}) {
    this.#box = box;
    this.#lingerMs = 1000 * lingerS;
    this.#rollUp = new RollUp({ rows, columns: () => Math.min(columns, this.#room()) });
    this.#lines = Array.from({ length: rows }, () => {
      const [solid, tail] = ["solid", "tail"].map((name) => make("span", { class: name }));
      const line = make("p", { class: "caption-line", hidden: true }, make("span", { class: "caption-words" }, solid, tail));
      box.append(line);
      return { line, solid, tail };
    });
  }

  hear(caption) {
    this.#rollUp.hear(caption);
    this.#draw();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.clear(), this.#lingerMs);
  }

  clear() {
    clearTimeout(this.#timer);
    this.#rollUp.clear();
    this.#draw();
  }

  #draw() {
    const { shown } = this.#rollUp;
    this.#lines.forEach(({ line, solid, tail }, i) => {
      const words = shown[i] ?? { solid: "", tail: "" };
      setText(solid, words.solid);
      setText(tail, words.tail);
      line.classList.toggle("blank", !(words.solid || words.tail));
      setHidden(line, i >= shown.length);
    });
  }

  /** How many letters fit on a line at the present size. */
  #room() {
    const { fontSize, paddingLeft, paddingRight } = getComputedStyle(this.#box);
    const room = (this.#box.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight)) / (LETTER_EM * parseFloat(fontSize));
    return Number.isFinite(room) ? Math.max(LEAST_COLUMNS, Math.floor(room) - 2) : MOST_COLUMNS;
  }
}
