// The editor of caption-true mode: shows the lines that are about to go out, with the time that is left, and sends what
// a person does to them (docs/protocol.md, captions.edit). A line is held back by itself while it is being mended.

import { Controls } from "./controls.js";
import { $, setHidden, setText, store, stored, toast } from "./dom.js";
import { Door } from "./door.js";
import { Feed } from "./feed.js";
import { hotWords } from "./hot-words.js";
import { Lines } from "./lines.js";
import * as reading from "./reading.js";
import { Rundown } from "./rundown.js";
import { Settings } from "./settings.js";

const url = new URL(location.href);
const session = decodeURIComponent(url.pathname.split("/").at(-1));
if (url.searchParams.has("token")) {
  store("sessionStorage", "token", url.searchParams.get("token"));
  url.searchParams.delete("token");
  history.replaceState(null, "", url);
}

class Editor {
  #lines = new Lines(); #clock = null; #clockAt = 0;

  constructor() {
    this.door = new Door({ session, token: stored("sessionStorage", "token"), base: new URL("../", location.href) });
    this.settings = new Settings({
      send: (part) => this.feed.send({ type: "set", settings: part }), onChange: () => this.#render(),
      onIgnored: () => toast("The server did not confirm the change; its own value is shown.", "warn"),
    });
    this.controls = new Controls(this.settings);
    this.rundown = new Rundown({ waiting: $("lines"), gone: $("gone"), onEdit: (edit) => this.#edit(edit) });
    this.feed = new Feed({ url: () => this.door.eventsUrl(), onMessage: (message) => this.#hear(message), onState: (state) => this.#enter(state) });
    $("bleep").addEventListener("change", ({ target }) => this.settings.set("captions.bleep", hotWords(target.value)));
    $("begin").addEventListener("click", () => { this.settings.set("captions.on", true); this.settings.set("captions.hold", true); });
    $("ask").addEventListener("submit", (event) => { event.preventDefault(); this.#unlock($("token").value.trim()); });
    this.#enter("waiting");
    setInterval(() => this.#draw(), 100);
  }

  /** Now, on the session's clock: its last word, carried on. */
  get now() {
    return this.#clock === null ? null : this.#clock + (performance.now() - this.#clockAt) / 1000;
  }

  #hear(message) {
    const listeners = {
      hello: () => { this.#lines.clear(); this.settings.greet(message.settings, message.made); },
      settings: () => this.settings.accept(message.settings),
      stats: () => this.#tick(reading.stats(message)),
      line: () => { this.#lines.hear(reading.line(message)); this.#draw(); },
      error: () => { this.settings.refuse(); toast(reading.errorText(message), "bad"); },
    };
    if (Object.hasOwn(listeners, message.type)) listeners[message.type]();
  }

  #tick(stats) {
    [this.#clock, this.#clockAt] = [stats.time, performance.now()];
    setHidden($("caption-none"), stats.captions !== null);
    setText($("late"), stats.captions?.late ? `${stats.captions.late} words were settled after their sound had gone out: a longer delay would catch them.` : "");
  }

  #edit({ line, action, text }) {
    const sent = this.feed.send({ type: "captions.edit", line, action, ...(text === undefined ? {} : { text }) });
    if (!sent) toast("Not connected: the line is as it was.", "bad");
  }

  async #enter(state) {
    document.body.dataset.phase = state === "live" ? "live" : "nobody";
    document.title = `${state === "live" ? "● " : ""}${session} · Limelight editor`;
    setText($("pill-text"), state === "live" ? "Live" : "Waiting for the session");
    if (state === "live") setHidden($("ask"), true);
    else if (await this.door.locked()) setHidden($("ask"), false);
    if (state !== "live") this.#clock = null;
  }

  #unlock(token) {
    this.door.token = token;
    store("sessionStorage", "token", token);
    setHidden($("ask"), true);
  }

  #render() {
    this.controls?.render();
    const on = this.settings.get("captions.on") && this.settings.get("captions.hold");
    setHidden($("off"), on);
    if (document.activeElement !== $("bleep")) $("bleep").value = this.settings.get("captions.bleep").join("\n");
  }

  #draw() {
    const now = this.now;
    const waiting = now === null ? [] : this.#lines.waiting(now);
    this.rundown.draw(waiting, { now, hold: this.settings.get("captions.hold_s") });
    this.rundown.drawGone(this.#lines.gone);
    setHidden($("calm"), waiting.length > 0 || !$("off").hidden);
  }
}

setText($("session-name"), session);
window.limelight = Object.freeze({ editor: new Editor() });
