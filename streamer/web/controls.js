// Binds every control that carries `data-setting="stage.key"` to the settings, both ways. Knows no network.

import { setText } from "./dom.js";
import { db, lufs, seconds, semitones, strength, times } from "./format.js";

const SAY = { "enhance.strength": strength, "level.target_lufs": lufs, "limiter.ceiling_db": db, "captions.hold_s": seconds,
  "voice.speed": times, "voice.pitch_semitones": semitones, "voice.energy_db": db, "voice.pause": times,
  "changer.pitch": semitones, "changer.formants": semitones };

function show(input, value) {
  if (input.type === "checkbox") {
    input.checked = value;
    return;
  }
  if (input.type === "number") {
    if (document.activeElement !== input) input.value = String(value);
    return;
  }
  input.value = String(value);
  const share = (value - Number(input.min)) / (Number(input.max) - Number(input.min));
  input.style.setProperty("--fill", `${(100 * share).toFixed(1)}%`);
  const said = SAY[input.dataset.setting](value);
  setText(input.parentElement.querySelector("output"), said);
  input.setAttribute("aria-valuetext", said);
}

export class Controls {
  #settings; #inputs = [...document.querySelectorAll("[data-setting]")];

  constructor(settings) {
    this.#settings = settings;
    for (const input of this.#inputs) {
      input.addEventListener(input.type === "number" ? "change" : "input", () => this.#ask(input));
    }
  }

  render() {
    for (const input of this.#inputs) {
      const path = input.dataset.setting;
      show(input, this.#settings.get(path));
      input.closest("label, .slide, .field")?.classList.toggle("pending", this.#settings.pending(path));
    }
    for (const row of document.querySelectorAll(".stage-row")) {
      row.classList.toggle("off", !this.#settings.get(`${row.dataset.stage}.on`));
    }
  }

  #ask(input) {
    const path = input.dataset.setting;
    if (input.type === "checkbox") {
      this.#settings.set(path, input.checked);
      return;
    }
    const value = Number(input.value);
    if (input.value === "" || !Number.isFinite(value)) {
      input.value = String(this.#settings.get(path));
      return;
    }
    const clamped = Math.min(Number(input.max), Math.max(Number(input.min), value));
    if (clamped !== value) input.value = String(clamped);
    this.#settings.set(path, clamped);
  }
}
