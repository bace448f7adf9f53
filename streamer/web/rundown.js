// Draws the lines that wait, the next one first, each with its time left and its buttons, and those that have gone out.
// Rows are kept while their line is there, so that focus and typing are never lost. Knows verbs, not the connection.

import { make, setHidden, setText } from "./dom.js";

const VERBS = [["mend", "Mend", "Enter"], ["hold", "Hold", "H"], ["bleep", "Bleep", "B"], ["delete", "Delete", "Delete"]];
const SOON_S = 1;

class Row {
  #onEdit; #line = null; #mending = false; #heldBefore = false;

  constructor(onEdit) {
    this.#onEdit = onEdit;
    this.when = make("span", { class: "when num" });
    this.text = make("p", { class: "words" });
    this.field = make("input", { class: "mend", "aria-label": "The words of this line", maxlength: "500", hidden: true, keydown: (event) => this.#typed(event), blur: () => this.#leave() });
    this.buttons = Object.fromEntries(VERBS.map(([verb, label, key]) => [verb, make("button", { type: "button", "data-verb": verb, title: `${label} (${key})`, click: () => this.act(verb) }, label)]));
    this.fuse = make("i", { class: "fuse", "aria-hidden": "true" });
    this.node = make("li", { class: "line", tabindex: "0" }, this.when, make("div", { class: "said" }, this.text, this.field), make("div", { class: "verbs" }, ...Object.values(this.buttons)), this.fuse);
    this.node.addEventListener("keydown", (event) => this.#key(event));
  }

  draw(line, { now, hold }) {
    this.#line = line;
    const left = line.airs - now;
    this.node.dataset.state = line.state;
    this.node.classList.toggle("soon", line.state === "pending" && left < SOON_S);
    setText(this.when, line.state === "held" ? "held" : line.state === "deleted" ? "deleted" : left > 0 ? `${left.toFixed(1)} s` : "now");
    setText(this.text, line.text);
    setText(this.buttons.hold, line.state === "pending" ? "Hold" : "Release");
    this.buttons.mend.disabled = line.state === "pending" && left <= 0; // its first words are out
    this.fuse.style.transform = `scaleX(${Math.min(1, Math.max(0, left / hold)).toFixed(3)})`;
  }

  /** What a person does to this line. */
  act(verb) {
    if (verb === "mend") return this.#mend();
    const action = verb === "hold" && this.#line.state !== "pending" ? "release" : verb;
    return this.#send(action);
  }

  #send(action, text) {
    this.#onEdit({ line: this.#line.number, action, text });
  }

  /** Held back while it is being mended: it must not go out half mended. */
  #mend() {
    if (this.#mending) return;
    this.#mending = true;
    this.#heldBefore = this.#line.state === "held";
    if (!this.#heldBefore) this.#send("hold");
    this.field.value = this.#line.text;
    this.#swap();
    this.field.focus();
    this.field.select();
  }

  #done(save) {
    if (!this.#mending) return;
    this.#mending = false;
    const text = this.field.value.trim();
    if (save && text && text !== this.#line.text) this.#send("mend", text);
    if (!this.#heldBefore) this.#send("release");
    this.#swap();
  }

  #leave() {
    this.#done(true);
  }

  #swap() {
    setHidden(this.field, !this.#mending);
    setHidden(this.text, this.#mending);
  }

  #typed(event) {
    event.stopPropagation();
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    this.#done(event.key === "Enter");
    this.node.focus();
  }

  #key(event) {
    if (event.target !== this.node || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    const verb = { Enter: "mend", h: "hold", b: "bleep", Delete: "delete", Backspace: "delete" }[event.key];
    if (!step && !verb) return;
    event.preventDefault();
    if (step) this.node[step]?.focus();
    else if (!event.repeat) this.act(verb);
  }
}

export class Rundown {
  #waiting; #gone; #onEdit; #rows = new Map(); #told = "";

  constructor({ waiting, gone, onEdit }) {
    this.#waiting = waiting;
    this.#gone = gone;
    this.#onEdit = onEdit;
  }

  draw(lines, time) {
    const numbers = new Set(lines.map(({ number }) => number));
    for (const [number, row] of this.#rows) if (!numbers.has(number)) this.#remove(number, row);
    for (const line of lines) this.#row(line.number).draw(line, time);
  }

  drawGone(lines) {
    const told = JSON.stringify(lines.map(({ number, text }) => [number, text]));
    if (told === this.#told) return;
    this.#told = told;
    this.#gone.replaceChildren(...lines.map(({ text }) => make("li", {}, text)));
  }

  #row(number) {
    let row = this.#rows.get(number);
    if (!row) {
      row = new Row(this.#onEdit);
      this.#rows.set(number, row);
      const after = [...this.#rows.keys()].filter((each) => each > number).sort((a, b) => a - b)[0];
      this.#waiting.insertBefore(row.node, after === undefined ? null : this.#rows.get(after).node);
    }
    return row;
  }

  /** The focus goes on to the line that follows. */
  #remove(number, row) {
    if (row.node.contains(document.activeElement)) (row.node.nextElementSibling ?? row.node.previousElementSibling)?.focus();
    row.node.remove();
    this.#rows.delete(number);
  }
}
