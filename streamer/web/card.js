// The card over the picture: shows one of problems.js's cards, counts down where it has a time, and reports which
// button was pressed. Knows neither what the card means nor what the verb does.

import { $, make, setHidden, setText } from "./dom.js";

export class Card {
  #onVerb; #box = $("card"); #veil = $("veil"); #countdown = null; #card = null;

  constructor({ onVerb }) {
    this.#onVerb = onVerb;
    // One listener on the box, not one on each card's buttons, which come and go.
    this.#box.addEventListener("click", ({ target }) => {
      const verb = target.closest("[data-verb]")?.dataset.verb;
      if (verb) this.#onVerb(verb);
    });
    setInterval(() => this.#count(), 200);
  }

  hide() {
    this.#card = null;
    this.#countdown = null;
    setHidden(this.#veil, true);
    this.#box.replaceChildren();
  }

  /** Shows a card. The same words again only move its clock, so that focus and typing are not lost. */
  show(card) {
    const before = this.#card;
    this.#card = card;
    if (before && words(before) === words(card)) {
      this.#count();
      return;
    }
    setHidden(this.#veil, false);
    this.#veil.className = `veil ${card.tone ?? ""} ${card.slim ? "slim" : ""}`;
    this.#countdown = card.counting ? make("p", { class: "countdown", "aria-live": "off" }) : null;
    const parts = [
      card.busy ? make("span", { class: "spinner", "aria-hidden": "true" }) : null,
      make("h2", {}, card.title), make("p", { class: "say" }, card.text),
      list("ol", card.ordered), list("ul", card.steps), this.#countdown,
      card.asks ? this.#question(card.asks) : null, this.#buttons(card.actions),
    ];
    const hadFocus = this.#box.contains(document.activeElement);
    this.#box.replaceChildren(...parts.filter(Boolean));
    if (card.asks || hadFocus) this.#box.querySelector("input, button")?.focus();
    this.#count();
  }

  /** A line under the welcome card's buttons (the server's state). */
  note(text) {
    let line = this.#box.querySelector(".note");
    if (!line) {
      line = make("p", { class: "note" });
      this.#box.append(line);
    }
    setText(line, text);
  }

  #buttons(actions) {
    if (!actions.length) return null;
    const button = ({ label, verb, big }, i) =>
      make("button", { type: "button", class: `${i === 0 && verb !== "stop" ? "primary" : ""} ${big ? "big" : ""}`, "data-verb": verb }, label);
    return make("div", { class: "actions" }, ...actions.map(button));
  }

  #question(label) {
    const input = make("input", { type: "password", id: "token", autocomplete: "current-password", required: true });
    const submit = (event) => { event.preventDefault(); if (input.value.trim()) this.#onVerb("token", input.value.trim()); };
    return make("form", { class: "ask", submit }, make("label", { for: "token" }, label),
      make("div", {}, input, make("button", { type: "submit", class: "primary" }, "Open")));
  }

  #count() {
    if (!this.#countdown || !this.#card?.until) return;
    const seconds = Math.max(0, Math.ceil((this.#card.until - performance.now()) / 1000));
    setText(this.#countdown, seconds > 0 ? `${this.#card.counting} ${seconds} s` : "Trying…");
  }
}

function list(tag, items) {
  return items?.length ? make(tag, { class: "steps" }, ...items.map((text) => make("li", {}, text))) : null;
}

function words({ title, text, steps, actions }) {
  return JSON.stringify([title, text, steps, actions]);
}
