// The Say card: what is typed here is said by the session's own voice; the word that is being said stands out, and what
// could not be said is told. Lines of others are shown too. How the voice sounds is a setting (controls.js).

import { $, make, setHidden, setText, toast } from "./dom.js";
import { NONE } from "./format.js";

const MOST_LINES = 50;
const LINGER_MS = 4000;
const WHY = { speech: "Somebody spoke", stop: "Stopped", failure: "The voice failed" };

export class SayCard {
  #send; #begin; #lines = new Map(); #live = false; #quiet = null; #now = null;

  /** `send(message)` → whether it went out; `begin(text)`: the same for a session that has not begun. */
  constructor({ send, begin }) {
    this.#send = send;
    this.#begin = begin;
    $("say-text").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#say();
    });
    $("say-text").addEventListener("input", () => this.#render());
    $("say-go").addEventListener("click", () => this.#say());
    $("say-stop").addEventListener("click", () => this.#send({ type: "say.stop" }));
    this.#render();
  }

  /** Whether the session stands; what was said in one that has gone is forgotten. */
  live(live) {
    if (live === this.#live) return;
    this.#live = live;
    if (!live) this.#lines.clear();
    this.#status(NONE);
    this.#show(null);
    this.#render();
  }

  /** One saying event as reading.js shapes it. */
  hear(event) {
    if (event) this[`_${event.state}`]?.(event);
    this.#render();
  }

  _given({ line, text }) {
    this.#lines.set(line, (this.#lines.get(line) ?? "") + text);
    if (this.#lines.size > MOST_LINES) this.#lines.delete(this.#lines.keys().next().value);
    if (this.#lines.size === 1) {
      this.#note("");
      this.#show(line);
    }
  }

  _word({ line, begin, end }) {
    this.#status("speaking");
    this.#show(line, begin, end);
  }

  _held() {
    this.#status("listening");
  }

  _resumed() {
    this.#status("speaking");
  }

  _unspoken({ unspoken }) {
    this.#note(`Not spoken: ${unspoken.join(", ")}`);
  }

  _said({ line }) {
    const text = this.#lines.get(line) ?? "";
    this.#lines.delete(line);
    if (this.#lines.size) return;
    this.#status("quiet");
    this.#draw(text, text.length, text.length);
  }

  _cut({ line, reason, said, end }) {
    const text = this.#lines.get(line) ?? "";
    this.#lines.delete(line);
    if (line !== this.#now) return; // one that only waited
    this.#draw(text, end, end);
    this.#status("quiet");
    this.#note(`${WHY[reason] ?? WHY.stop}: ${said ? `“${said}” was said.` : "nothing of it was said."}`);
  }

  #say() {
    const text = $("say-text").value.trim();
    if (!text || !this.#live) return;
    if (!this.#send({ type: "say", text })) this.#begin(text).catch((error) => toast(error.message, "bad"));
    $("say-text").value = "";
    this.#render();
  }

  /** A line, with the word from `begin` to `end` marked. */
  #show(line, begin = 0, end = 0) {
    this.#now = line;
    this.#draw(this.#lines.get(line) ?? "", begin, end);
  }

  #draw(text, begin, end) {
    clearTimeout(this.#quiet);
    const word = make("mark", {}, text.slice(begin, end));
    $("say-now").replaceChildren(make("span", { class: "gone" }, text.slice(0, begin)), word, text.slice(end));
    word.scrollIntoView?.({ block: "nearest" });
    setHidden($("say-now"), !text);
    if (text && !this.#lines.size) this.#quiet = setTimeout(() => this.#show(null), LINGER_MS);
  }

  #status(text) {
    setText($("say-state"), text);
    $("say-state").classList.toggle("slow", text === "listening");
    $("say-state").title = text === "listening" ? "Somebody speaks: the voice waits, and goes on if it was nothing" : "";
  }

  #note(text) {
    setText($("say-note"), text);
    setHidden($("say-note"), !text);
  }

  #render() {
    $("say-text").disabled = !this.#live;
    $("say-go").disabled = !this.#live || !$("say-text").value.trim();
    $("say-stop").disabled = !this.#live || !this.#lines.size;
    const waiting = this.#lines.size - 1;
    setText($("say-waiting"), waiting > 0 ? `${waiting} more ${waiting === 1 ? "line waits" : "lines wait"}` : "");
    setHidden($("say-waiting"), waiting <= 0);
  }
}
