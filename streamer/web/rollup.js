// Caption events to the lines that stand on a screen: roll-up, so that a word that is committed never moves to another
// line and the screen never rolls back. Pure: knows neither how lines look nor where events come from.

const words = (text) => text.split(/\s+/).filter(Boolean);

const PAUSE_S = 0.8; // after less, what follows goes on in the same line

export class RollUp {
  #rows; #columns; #lines = []; #tail = []; #segment = null; #over = true; #tall = 0; #until = -Infinity;

  /** `columns()`: how many characters fit on a line now; asked for each word. */
  constructor({ rows, columns }) {
    this.#rows = rows;
    this.#columns = columns;
  }

  /** One caption event as reading.js shapes it. */
  hear({ segment, committed, tail, final, start = null, words: spoken = [] }) {
    const paused = start === null || start - this.#until > PAUSE_S;
    if ((segment !== this.#segment || this.#over) && this.#lines.at(-1) !== "" && (paused || !this.#lines.length)) this.#lines.push("");
    this.#segment = segment;
    this.#until = spoken.at(-1)?.end ?? this.#until;
    this.#over = final;
    for (const word of words(committed)) this.#put(this.#lines, word);
    this.#tail = final ? [] : words(tail);
    this.#roll();
  }

  clear() {
    this.#lines = [];
    this.#tail = [];
    this.#tall = 0;
    this.#over = true;
  }

  /** What stands on the screen from top to bottom: `{ solid, tail }` a line. A row once filled stays, empty if need be. */
  get shown() {
    const shown = this.#lines.map((solid) => ({ solid, tail: "" }));
    const [first = "", ...more] = this.#laid();
    if (first) shown.at(-1).tail = first.slice(this.#lines.at(-1).length);
    shown.push(...more.map((tail) => ({ solid: "", tail })));
    while (shown.length < this.#tall) shown.push({ solid: "", tail: "" });
    return shown.slice(0, this.#rows); // what is only a guess waits for its line
  }

  /** The tail as it flows on from the last committed word: that word's line first. */
  #laid() {
    if (!this.#tail.length || !this.#lines.length) return [];
    const laid = [this.#lines.at(-1)];
    for (const word of this.#tail) this.#put(laid, word);
    return laid;
  }

  #put(lines, word) {
    const line = lines.at(-1);
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= this.#columns()) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }

  /** The tail may push committed lines off the top, but for the last of them. */
  #roll() {
    const last = this.#lines.length - 1;
    const over = last + Math.max(1, this.#laid().length) - this.#rows;
    this.#lines.splice(0, Math.max(0, Math.min(over, last)));
    const filled = this.#lines.length - (this.#lines.at(-1) === "" && !this.#tail.length);
    this.#tall = Math.min(this.#rows, Math.max(this.#tall, filled + Math.max(0, this.#laid().length - 1)));
  }
}
