// Keyboard shortcuts, and the hold-or-tap of before/after for key and finger alike. Knows verbs, not what they do.

const HOLD_MS = 350;

/** Flips at once; let go after a while, it flips back (a peek); let go quickly, it stays (a switch). */
export class HoldOrTap {
  #flip; #since = null;

  constructor(flip) {
    this.#flip = flip;
  }

  press() {
    if (this.#since !== null) return;
    this.#since = performance.now();
    this.#flip();
  }

  release() {
    if (this.#since === null) return;
    const held = performance.now() - this.#since > HOLD_MS;
    this.#since = null;
    if (held) this.#flip();
  }
}

const TYPING = "input:not([type=checkbox]):not([type=range]), select, textarea, [contenteditable]";

/** `taps`: key → action. `hold`: the HoldOrTap of key B. Keys typed into fields and with modifiers are left alone. */
export function listen(taps, hold) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
    if (document.querySelector("dialog[open]") && event.key !== "?") return;
    const key = event.key.toLowerCase();
    if (key !== "b" && !taps[key]) return;
    event.preventDefault();
    if (event.repeat) return;
    if (key === "b") hold.press();
    else taps[key]();
  });
  document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "b") hold.release(); });
  window.addEventListener("blur", () => hold.release());
}

/** The same on a button: finger or mouse hold it; Enter and Space tap. */
export function holdable(button, hold) {
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || button.disabled) return;
    button.setPointerCapture(event.pointerId);
    hold.press();
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) button.addEventListener(name, () => hold.release());
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    // A click that no pointer made (keyboard, screen reader) has detail 0.
    if (event.detail !== 0) return;
    hold.press();
    hold.release();
  });
}
