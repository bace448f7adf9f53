// The anchor card: who is shown, what they feel, what is behind them and whose words move the mouth. All of it are
// settings of the session; the portrait is drawn by the server. Knows no connection.

import { $, make, setHidden } from "./dom.js";

const NAMES = ["ada", "kofi", "mei", "leo"];
const EMOTIONS = { neutral: "Neutral", happy: "Happy", sad: "Sad", surprised: "Surprised", angry: "Angry" };
const SOURCES = { voice: "My voice", text: "Text", face: "My face" };
const CHARACTER = /^([a-z]{1,16}|[0-9]{1,9})$/;
const PORTRAIT_PX = 192;

const named = (names) => Object.fromEntries(names.map((name) => [name, name[0].toUpperCase() + name.slice(1)]));

export class AnchorCard {
  #door; #settings; #shown = null; #portraits = []; #tracksFaces = null;

  /** `door` and `settings` of the page. */
  constructor({ door, settings }) {
    this.#door = door;
    this.#settings = settings;
    this.#row("anchor-source", "anchor.source", SOURCES);
    this.#row("anchor-emotion", "anchor.emotion", EMOTIONS);
    this.#row("anchor-names", "anchor.character", named(NAMES));
    $("anchor-character").addEventListener("change", ({ target }) => this.#ask(target.value));
    $("anchor-another").addEventListener("click", () => this.#ask(String(Math.floor(Math.random() * 1e6))));
    $("anchor-background").addEventListener("change", ({ target }) => settings.set("anchor.background", target.value === "colour" ? $("anchor-colour").value : target.value));
    $("anchor-colour").addEventListener("input", ({ target }) => settings.set("anchor.background", target.value));
    $("anchor-portrait").addEventListener("error", ({ target }) => setHidden(target, true));
    $("anchor-portrait").addEventListener("load", ({ target }) => setHidden(target, false));
  }

  /** What this server has: the likenesses of people by name, and whether it can follow a face. */
  offer({ portraits, tracksFaces }) {
    const fresh = portraits.filter((name) => !this.#portraits.includes(name));
    this.#portraits = portraits;
    this.#tracksFaces = tracksFaces;
    this.#row("anchor-names", "anchor.character", named(fresh));
    this.render();
  }

  /** With every change of the settings. */
  render() {
    const get = (key) => this.#settings.get(`anchor.${key}`);
    for (const row of document.querySelectorAll("#anchor-card [data-choice]")) {
      for (const button of row.children) button.setAttribute("aria-pressed", String(button.value === this.#settings.get(row.dataset.choice)));
    }
    const input = $("anchor-character");
    if (document.activeElement !== input) input.value = get("character");
    const background = get("background");
    const colour = background.startsWith("#");
    $("anchor-background").value = colour ? "colour" : background;
    setHidden($("anchor-colour"), !colour);
    if (colour) $("anchor-colour").value = background.toLowerCase();
    setHidden($("anchor-clear"), background !== "none");
    const portrayed = this.#portraits.includes(get("character"));
    $("anchor-background").disabled = portrayed;
    setHidden($("anchor-own"), !portrayed);
    this.#explainFace(get("source"));
    this.#portray(get("character"), get("emotion"));
  }

  #ask(text) {
    const character = text.trim().toLowerCase();
    if (CHARACTER.test(character)) this.#choose("anchor.character", character);
    else this.render();
  }

  #choose(path, value) {
    this.#settings.set(path, value);
    if (path === "anchor.character" && this.#portraits.includes(value)) this.#settings.set("anchor.background", "studio");
  }

  /** Whether a face can move the anchor, and what that takes. */
  #explainFace(source) {
    const button = $("anchor-source").querySelector('[value="face"]');
    button.disabled = this.#tracksFaces !== true && source !== "face";
    setHidden($("anchor-untracked"), this.#tracksFaces !== false);
    setHidden($("anchor-tracked"), source !== "face");
  }

  /** Buttons of which one is pressed. */
  #row(id, path, choices) {
    const row = $(id);
    row.dataset.choice = path;
    for (const [value, label] of Object.entries(choices)) {
      row.append(make("button", { type: "button", value, "aria-pressed": "false", click: () => this.#choose(path, value) }, label));
    }
  }

  #portray(character, emotion) {
    const wanted = `${character} ${emotion}`;
    if (wanted === this.#shown || !$("anchor-card").offsetParent) return;
    this.#shown = wanted;
    $("anchor-portrait").src = this.#door.portraitUrl(character, { emotion, size: PORTRAIT_PX });
  }
}
