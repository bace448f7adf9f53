// The captions of one session on a transparent page, for OBS's browser source. How they look is in the address
// (docs/protocol.md); a value that cannot be read there leaves the usual one. Says nothing on the picture but captions:
// how it stands is in the page's title.

import { Captions } from "./captions.js";
import { $ } from "./dom.js";
import { Door } from "./door.js";
import { Feed } from "./feed.js";
import * as reading from "./reading.js";

const { pathname, searchParams: asked } = new URL(location.href);
const session = decodeURIComponent(pathname.split("/").at(-1));
const door = new Door({ session, token: asked.get("token"), base: new URL("../../", location.href) });

const SIZES = { small: 0.8, medium: 1, large: 1.35, huge: 1.8 };

function among(name, choices) {
  return choices.includes(asked.get(name)) ? asked.get(name) : choices[0];
}

function figure(name, { least, most, usual }) {
  const value = Number.parseFloat(asked.get(name));
  return Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : usual;
}

function dress(box) {
  Object.assign(box.dataset, { position: among("position", ["bottom", "top"]), background: among("background", ["box", "shadow", "none"]) });
  const { style } = box;
  style.setProperty("--scale", SIZES[asked.get("size")] ?? figure("size", { least: 0.3, most: 5, usual: 1 }));
  style.textAlign = among("align", ["left", "center", "right"]);
  style.color = asked.get("color") ?? "";
  if (asked.get("font")) style.fontFamily = `"${asked.get("font").replace(/["\\]/g, "")}", system-ui, sans-serif`;
}

const box = $("captions");
dress(box);
const captions = new Captions(box, {
  rows: Math.round(figure("lines", { least: 1, most: 4, usual: 2 })),
  columns: Math.round(figure("columns", { least: 14, most: 120, usual: 42 })),
  lingerS: figure("linger", { least: 1, most: 60, usual: 5 }),
});
const guesses = asked.get("tail") !== "off";
new Feed({
  url: () => door.eventsUrl(),
  onState: async (state) => {
    document.title = state === "live" ? `Captions of ${session}` : `Waiting for ${session}`;
    if (state === "live") return;
    captions.clear();
    if (await door.locked()) document.title = "This server asks for a token: add token=… to the address";
  },
  onMessage: (message) => {
    const caption = message.type === "caption" && reading.caption(message);
    if (caption) captions.hear(guesses ? caption : { ...caption, tail: "" });
  },
});
