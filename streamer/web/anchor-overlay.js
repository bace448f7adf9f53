// The anchor of one session on a transparent page, for OBS's browser source. With background "none" the picture that
// comes has colour on its left half and, as brightness, how opaque it is on its right; they are put together here.
// With `?sound=1` the session's sound is played too. Says nothing on the picture: how it stands is in the page's title.

import { $ } from "./dom.js";
import { Door } from "./door.js";
import { Peer } from "./peer.js";
import { Recombined } from "./recombined.js";

const AGAIN_MS = 2000;

const { pathname, searchParams: asked } = new URL(location.href);
const session = decodeURIComponent(pathname.split("/").at(-1));
const door = new Door({ session, token: asked.get("token"), base: new URL("../../", location.href) });
const video = Object.assign(document.createElement("video"), { muted: asked.get("sound") !== "1", playsInline: true, autoplay: true });
const picture = new Recombined($("anchor"), video);
const stream = new MediaStream();
video.srcObject = stream;

function show(track) {
  for (const old of stream.getTracks()) if (old.kind === track.kind) stream.removeTrack(old);
  stream.addTrack(track);
  video.play().catch(() => {});
}

/** "none" sends two halves; anything else a plain picture. */
function hear(message) {
  const background = message.settings?.anchor?.background;
  if (typeof background === "string") picture.halves = background === "none";
}

async function watch() {
  const { iceServers } = await door.config();
  const peer = new Peer({ door, iceServers, publishes: false, tracks: {}, takesOver: null, onTrack: show, onMessage: hear });
  await peer.open(new AbortController().signal);
  document.title = `Anchor of ${session}`;
  await peer.lost;
  peer.close();
}

for (;;) {
  try {
    await watch();
  } catch {
    // Nobody publishes yet, or the server is away: try again.
  }
  picture.clear();
  document.title = (await door.locked()) ? "This server asks for a token: add token=… to the address" : `Waiting for ${session}`;
  await new Promise((resolve) => { setTimeout(resolve, AGAIN_MS); });
}
