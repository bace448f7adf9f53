// The transcript pane: what is committed, a paragraph a segment with its time; only ever appended to. Keeps the last
// paragraphs; the server keeps more (captions.json). Knows no connection.

import { make, setHidden } from "./dom.js";
import { clock } from "./format.js";

const MOST_PARAGRAPHS = 400;
const NEAR_THE_END_PX = 40;

export class Transcript {
  #list; #empty; #segment = null; #body = null;

  /** When the last word that stands here ended, on the session's clock. */
  until = -1;

  constructor({ list, empty }) {
    this.#list = list;
    this.#empty = empty;
  }

  get text() {
    return [...this.#list.children].map((item) => item.lastChild.textContent).join("\n");
  }

  /** What was said before; replaces what stands here. */
  begin(segments) {
    this.#list.replaceChildren();
    this.#segment = this.#body = null;
    this.until = -1;
    for (const segment of segments) this.add(segment);
  }

  /** One caption, or those of its words that were said `after` a time. A line that was held back may come late. */
  add(caption, after = -Infinity) {
    const fresh = caption.words.filter(({ start }) => start === null || start >= after);
    if (!fresh.length) return;
    this.until = Math.max(this.until, fresh.at(-1).end ?? this.until);
    const reading = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight > NEAR_THE_END_PX;
    const text = fresh.map((word) => word.text).join(" ");
    if (caption.segment === this.#segment) this.#body.append(` ${text}`);
    else this.#open(caption.segment, fresh[0].start, text);
    setHidden(this.#empty, true);
    if (!reading) this.#list.scrollTop = this.#list.scrollHeight;
  }

  #open(segment, start, text) {
    this.#segment = segment;
    this.#body = make("span", {}, text);
    this.#list.append(make("li", {}, make("time", {}, clock(start)), this.#body));
    while (this.#list.children.length > MOST_PARAGRAPHS) this.#list.firstElementChild.remove();
  }
}
