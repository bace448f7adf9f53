// The few DOM verbs the page needs, and nothing about what the page is for.

export const $ = (id) => document.getElementById(id);

/** Makes an element: `make("p", { class: "fine" }, "text", child)`. Text is always text, never markup. */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Writes only what changed: 5 events a second must not cost 5 layouts a second. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

export function setIcon(button, name) {
  button.querySelector("use").setAttribute("href", `#i-${name}`);
}

/** A toggle button's pressed state, icon and words, in one go. */
export function setKey(button, { pressed, icon, label, hint }) {
  button.setAttribute("aria-pressed", String(pressed));
  if (icon) setIcon(button, icon);
  setText(button.querySelector(".lbl"), label);
  button.title = hint ?? label;
}

/** localStorage or sessionStorage that may be forbidden (private windows, blocked cookies). */
export function stored(area, key, fallback = null) {
  try {
    return window[area].getItem(`limelight.${key}`) ?? fallback;
  } catch {
    return fallback;
  }
}

export function store(area, key, value) {
  try {
    if (value === null) window[area].removeItem(`limelight.${key}`);
    else window[area].setItem(`limelight.${key}`, value);
  } catch {
    // Nothing is lost but the memory of a choice.
  }
}

const TOAST_MS = 6000;
const MAX_TOASTS = 3;

/** A short notice that leaves by itself; at most three stand at once. */
export function toast(text, tone = "plain") {
  const box = $("toasts");
  for (const old of [...box.children]) if (old.textContent === text) old.remove();
  while (box.children.length >= MAX_TOASTS) box.firstElementChild.remove();
  const node = make("p", { class: `toast ${tone}` }, text);
  box.append(node);
  setTimeout(() => node.remove(), TOAST_MS);
}
