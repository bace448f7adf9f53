// Keyboard shortcuts, and the hold-or-tap of before/after for key and finger alike. Knows verbs, not what they do.

const HOLD_MS = 350;

/** Flips at once; let go after a while, it flips back (a peek); let go quickly, it stays (a switch). */
export class HoldOrTap {
  #flip; #since = null;

  constructor(flip) {
    this.#flip = flip;
  }

  /** `at`: the event's own time, which a busy page does not stretch. */
  press(at) {
    if (this.#since !== null) return;
    this.#since = at;
    this.#flip();
  }

  release(at) {
    if (this.#since === null) return;
    const held = at - this.#since > HOLD_MS;
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
    if (key === "b") hold.press(event.timeStamp);
    else taps[key]();
  });
  document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "b") hold.release(event.timeStamp); });
  window.addEventListener("blur", (event) => hold.release(event.timeStamp));
}

/** The same on a button: finger or mouse hold it; Enter and Space tap. */
export function holdable(button, hold) {
  button.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || button.disabled) return;
    button.setPointerCapture(event.pointerId);
    hold.press(event.timeStamp);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
    button.addEventListener(name, (event) => hold.release(event.timeStamp));
  }
  button.addEventListener("contextmenu", (event) => event.preventDefault());
  button.addEventListener("click", (event) => {
    // A click that no pointer made (keyboard, screen reader) has detail 0.
    if (event.detail !== 0) return;
    hold.press(event.timeStamp);
    hold.release(event.timeStamp);
  });
}
