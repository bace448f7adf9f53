// Where the milliseconds go: one row a stage, each bar starting where the one before it ends. Solid is p50, pale is
// p95, hatched is the stage's declared lookahead. Knows readings (reading.js), not where they come from.

import { make, setText } from "./dom.js";
import { bareMs, ms } from "./format.js";

const NICE_MS = [5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
const SHRINK_AFTER = 25;

const niceAbove = (x) => NICE_MS.find((nice) => nice >= x) ?? NICE_MS.at(-1);

function bars() {
  return make("span", { class: "bars" }, make("i", { class: "p95" }), make("i", { class: "delay" }), make("i", { class: "p50" }));
}

function row(name, kind = "") {
  const node = make("li", { class: kind }, make("span", { class: "name" }, name), bars());
  for (const column of ["v50", "v95", "vdelay"]) node.append(make("span", { class: `num ${column}` }));
  return node;
}

function place(bar, from, width, full) {
  bar.style.left = `${((100 * Math.min(from, full)) / full).toFixed(2)}%`;
  bar.style.width = `${((100 * Math.max(0, Math.min(width, full - from))) / full).toFixed(2)}%`;
}

export class Waterfall {
  #list = make("ol"); #rows = new Map(); #total = row("total", "total"); #full = 20; #calm = 0;

  constructor(root) {
    const head = make("div", { class: "head", "aria-hidden": "true" }, make("span"), make("span", { class: "bars" }),
      make("span", { class: "num" }, "p50"), make("span", { class: "num" }, "p95"), make("span", { class: "num", title: "Declared lookahead" }, "delay"));
    this.axis = head.querySelector(".bars");
    root.append(head, this.#list);
    this.#list.append(this.#total);
    this.clear();
  }

  clear() {
    for (const name of ["jitter", "decode", "rechunk", "enhance", "level", "limiter", "encode"]) this.#row(name);
    for (const node of this.#list.children) this.#fill(node, { p50: null, p95: null, delay: null }, 0);
    setText(this.axis, "");
  }

  /** `stages` in path order, and the measured total, which is not the sum of the parts' p95. */
  draw({ stages, p50, p95 }) {
    this.#rescale(stages, p95 ?? p50);
    this.#keep(stages.map((stage) => stage.name));
    let from = 0;
    for (const stage of stages) {
      this.#fill(this.#row(stage.name), stage, from);
      from += (stage.p50 ?? 0) + (stage.delay ?? 0);
    }
    const delay = stages.reduce((sum, stage) => sum + (stage.delay ?? 0), 0);
    this.#fill(this.#total, { p50, p95, delay }, 0);
    setText(this.axis, `0 – ${ms(this.#full).replace(".0", "")}`);
  }

  #rescale(stages, total) {
    const chained = stages.reduce((sum, s) => sum + (s.p50 ?? 0) + (s.delay ?? 0), 0);
    const ahead = stages.reduce((sum, s) => sum + (s.delay ?? 0), 0);
    const wanted = niceAbove(1.05 * Math.max(chained, (total ?? 0) + ahead, 1));
    this.#calm = wanted < this.#full ? this.#calm + 1 : 0;
    if (wanted > this.#full || this.#calm > SHRINK_AFTER) {
      this.#full = wanted;
      this.#calm = 0;
    }
  }

  #row(name) {
    if (!this.#rows.has(name)) {
      this.#rows.set(name, row(name));
      this.#total.before(this.#rows.get(name));
    }
    return this.#rows.get(name);
  }

  /** Rows follow the path: a stage that left takes its row along, and the order is the path's. */
  #keep(names) {
    const shown = [...this.#rows.keys()];
    if (shown.length === names.length && shown.every((name, i) => name === names[i])) return;
    for (const node of this.#rows.values()) node.remove();
    this.#rows.clear();
    for (const name of names) this.#row(name);
  }

  #fill(node, { p50, p95, delay }, from) {
    const [b95, bDelay, b50] = node.querySelector(".bars").children;
    place(b50, from, p50 ?? 0, this.#full);
    place(bDelay, from + (p50 ?? 0), delay ?? 0, this.#full);
    place(b95, from, p95 ?? 0, this.#full);
    setText(node.querySelector(".v50"), bareMs(p50));
    setText(node.querySelector(".v95"), bareMs(p95));
    setText(node.querySelector(".vdelay"), delay ? bareMs(delay) : "");
  }
}
