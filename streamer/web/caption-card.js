// The captions card: how captions look on this page, the words to expect, how far behind they are, and the transcript
// with its copy and downloads. What is on is a setting of the session (controls.js); how it looks stays in this browser.

import { Captions } from "./captions.js";
import { $, make, setHidden, setText, store, stored, toast } from "./dom.js";
import { download, stamp } from "./download.js";
import { NONE, seconds } from "./format.js";
import { hotWords } from "./hot-words.js";
import { copy } from "./share.js";
import { Spoken } from "./spoken.js";
import { Transcript } from "./transcript.js";

const STYLE = { size: "medium", position: "bottom", background: "box" };
const PACE = {
  live: "How long after it was said a word is settled",
  behind: "The server is busy: captions come late, and are made with less care until they have caught up",
  skipped: "The server was too busy: some of what was said is missing",
};
const DELAYS = 5;
const LISTS = { "hot-words": "captions.hot_words", bleep: "captions.bleep" };
const SCALES = { small: 0.75, medium: 1, large: 1.35, huge: 1.8 };

export class CaptionCard {
  #door; #settings; #watches; #waiting = null; #possible = true; #clock = null; #clockAt = 0; #delays = [];

  /** `watches`: the page takes no part and has no card to be seen. */
  constructor({ door, settings, watches }) {
    this.#watches = watches;
    this.#door = door;
    this.#settings = settings;
    this.screen = new Captions($("captions"));
    this.spoken = new Spoken($("captions-said"));
    this.transcript = new Transcript({ list: $("transcript"), empty: $("transcript-empty") });
    for (const name of Object.keys(STYLE)) this.#style(name);
    for (const [id, path] of Object.entries(LISTS)) $(id).addEventListener("change", ({ target }) => settings.set(path, hotWords(target.value)));
    $("editor-link").href = door.url(`editor/${door.session}`);
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
    if (caption.words.length) this.#showDelay(caption);
  }

  /** A connection stands: what was said before comes first, then what was heard while it was fetched. */
  async resume() {
    if (this.#watches) return;
    this.#waiting = [];
    try {
      this.transcript.begin(await this.#door.transcript());
    } catch {
      // What is said from now on still comes.
    }
    const { until } = this.transcript;
    for (const caption of this.#waiting) this.transcript.add(caption, until);
    this.#waiting = null;
  }

  /** With every reading: the session's clock, and whether the server has a recogniser. */
  tick({ time, captions }) {
    [this.#clock, this.#clockAt] = [time, performance.now()];
    const possible = captions !== null;
    this.#possible = possible;
    setHidden($("caption-none"), possible);
    document.querySelector("[data-setting='captions.on']").disabled = !possible;
  }

  /** The connection has gone, or captions are off: nothing old stays on the picture. */
  leave() {
    this.screen.clear();
    this.#delays = [];
    setText($("caption-lag"), NONE);
  }

  /** For who watches: whether captions may stand on the picture here. Else: whether the session makes them. */
  get on() {
    return this.#watches ? $("caption-position").value !== "off" : this.#settings.get("captions.on");
  }

  toggle() {
    if (!this.#possible) return toast("This server was started without a recogniser: there are no captions.", "warn");
    if (!this.#watches) return this.#settings.set("captions.on", !this.on);
    const select = $("caption-position");
    select.value = this.on ? "off" : STYLE.position;
    return select.dispatchEvent(new Event("change"));
  }

  render() {
    for (const [id, path] of Object.entries(LISTS)) {
      if (document.activeElement !== $(id)) $(id).value = this.#settings.get(path).join("\n");
    }
    if (!this.#settings.get("captions.on")) this.leave();
    setHidden($("captions"), this.#settings.get("captions.burn")); // the picture has them already
  }

  /** How long ago the newest settled word was said: the median of the last few, which a person can read. */
  #showDelay({ words, pace }) {
    if (this.#clock === null || words.at(-1).end === null) return;
    const now = this.#clock + (performance.now() - this.#clockAt) / 1000;
    this.#delays = [now - words.at(-1).end, ...this.#delays].slice(0, DELAYS);
    const median = [...this.#delays].sort((a, b) => a - b)[this.#delays.length >> 1];
    setText($("caption-lag"), `${seconds(Math.max(0, median))} behind`);
    $("caption-lag").classList.toggle("slow", pace !== "live");
    $("caption-lag").title = PACE[pace] ?? PACE.live;
  }

  #style(name) {
    const select = $(`caption-${name}`);
    select.value = stored("localStorage", `captions.${name}`, STYLE[name]);
    if (!select.value) select.value = STYLE[name];
    const show = () => { $("captions").dataset[name] = select.value; };
    select.addEventListener("change", () => { store("localStorage", `captions.${name}`, select.value); show(); this.#share(); });
    show();
  }

  /** What is burnt in looks as it does here. */
  #share() {
    if (this.#watches) return;
    const { size, position } = $("captions").dataset;
    this.#settings.set("captions.size", SCALES[size]);
    if (position !== "off") this.#settings.set("captions.position", position);
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
