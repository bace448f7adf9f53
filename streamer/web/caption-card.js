// The captions card: how captions look on this page, the words to expect, how far behind they are, and the transcript
// with its copy and downloads. What is on is a setting of the session (controls.js); how it looks stays in this browser.

import { Captions } from "./captions.js";
import { $, make, setText, store, stored, toast } from "./dom.js";
import { download, stamp } from "./download.js";
import { NONE, seconds } from "./format.js";
import { copy } from "./share.js";
import { Spoken } from "./spoken.js";
import { Transcript } from "./transcript.js";

const STYLE = { size: "medium", position: "bottom", background: "box" };
const PACE = {
  live: "How long after the sound a word is settled",
  behind: "The server is busy: captions come late, and are made with less care until they have caught up",
  skipped: "The server was too busy: some of what was said is missing",
};
const MOST_HOT_WORDS = 200;
const LONGEST_HOT_WORD = 60;

/** What a person typed: one a line, or with commas. */
export function hotWords(text) {
  const words = text.split(/[\n,;]/).map((word) => word.trim().replace(/\s+/g, " ")).filter(Boolean);
  return [...new Set(words)].slice(0, MOST_HOT_WORDS).map((word) => word.slice(0, LONGEST_HOT_WORD));
}

export class CaptionCard {
  #door; #settings; #watches; #waiting = null;

  /** `watches`: the page takes no part and has no card to be seen. */
  constructor({ door, settings, watches }) {
    this.#watches = watches;
    this.#door = door;
    this.#settings = settings;
    this.screen = new Captions($("captions"));
    this.spoken = new Spoken($("captions-said"));
    this.transcript = new Transcript({ list: $("transcript"), empty: $("transcript-empty") });
    for (const name of Object.keys(STYLE)) this.#style(name);
    $("hot-words").addEventListener("change", ({ target }) => settings.set("captions.hot_words", hotWords(target.value)));
    $("transcript-copy").addEventListener("click", () => this.#copy());
    for (const button of document.querySelectorAll("[data-subtitles]")) button.addEventListener("click", () => this.#save(button.dataset.subtitles));
  }

  /** One caption event as reading.js shapes it. */
  hear(caption) {
    if (!caption) return;
    this.screen.hear(caption);
    this.spoken.hear(caption);
    if (this.#waiting) this.#waiting.push(caption);
    else this.transcript.add(caption);
    if (caption.committed) this.#showLag(caption);
  }

  /** A connection stands: what was said before comes first, then what was heard while it was fetched. */
  async resume() {
    this.#waiting = [];
    try {
      this.transcript.begin(await this.#door.transcript());
    } catch {
      // What is said from now on still comes.
    }
    for (const caption of this.#waiting) this.transcript.add(caption);
    this.#waiting = null;
  }

  /** The connection has gone, or captions are off: nothing old stays on the picture. */
  leave() {
    this.screen.clear();
    setText($("caption-lag"), NONE);
  }

  /** For who watches: whether captions may stand on the picture here. Else: whether the session makes them. */
  get on() {
    return this.#watches ? $("caption-position").value !== "off" : this.#settings.get("captions.on");
  }

  toggle() {
    if (!this.#watches) return this.#settings.set("captions.on", !this.on);
    const select = $("caption-position");
    select.value = this.on ? "off" : STYLE.position;
    return select.dispatchEvent(new Event("change"));
  }

  render() {
    const box = $("hot-words");
    if (document.activeElement !== box) box.value = this.#settings.get("captions.hot_words").join("\n");
    if (!this.#settings.get("captions.on")) this.leave();
  }

  #showLag({ lag, pace }) {
    setText($("caption-lag"), lag === null ? NONE : `${seconds(lag)} behind`);
    $("caption-lag").classList.toggle("slow", pace !== "live");
    $("caption-lag").title = PACE[pace] ?? PACE.live;
  }

  #style(name) {
    const select = $(`caption-${name}`);
    select.value = stored("localStorage", `captions.${name}`, STYLE[name]);
    if (!select.value) select.value = STYLE[name];
    const show = () => { $("captions").dataset[name] = select.value; };
    select.addEventListener("change", () => { store("localStorage", `captions.${name}`, select.value); show(); });
    show();
  }

  async #copy() {
    const field = make("textarea", { class: "visually-hidden", "aria-hidden": "true" }, this.transcript.text);
    document.body.append(field);
    if (await copy(field)) toast("The transcript is copied.");
    field.remove();
  }

  async #save(form) {
    try {
      download(await this.#door.subtitles(form), `limelight-${this.#door.session}-${stamp(new Date())}.${form}`);
    } catch (error) {
      toast(`The ${form.toUpperCase()} file did not come: ${error.message}`, "bad");
    }
  }
}
