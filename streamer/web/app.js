// The studio page's entry: reads the address, makes the studio, and lays out what a test may read.

import { $, setText, toast } from "./dom.js";
import { place } from "./place.js";
import { Studio } from "./studio.js";

const here = place();
document.body.dataset.mode = here.mode;
setText($("session-name"), here.session);
if (here.badName) toast("A session's name has up to 64 letters, digits, - and _; this is “studio” instead.", "warn");

const studio = new Studio(here);
if (here.mode === "view") studio.start({ camera: false });

// For tests and the curious; reading it changes nothing.
//   state         idle | asking | blocked | connecting | live | reconnecting | full | nobody | taken | token | failed
//   mode, session from the address: studio (publishes), view or steer
//   connection    the RTCPeerConnection that stands or is being tried, or null
//   connectionId  its id at the server, or null
//   localTracks   { audio, video }: what is being sent, or null each
//   remoteStream  the program as a MediaStream, or null
//   settings      what the page shows: the server's word under what was asked for here; a copy
//   stats         the last stats event as reading.js shapes it, or null
//   reconnects    how often a lost connection came back
//   recording     whether a recording is wanted
window.limelight = Object.freeze({
  get state() { return studio.phase; },
  get mode() { return studio.mode; },
  get session() { return studio.door.session; },
  get connection() { return studio.link.peer?.pc ?? null; },
  get connectionId() { return studio.link.peer?.id ?? null; },
  get localTracks() { return { ...studio.devices.tracks }; },
  get remoteStream() { return studio.program.stream; },
  get settings() { return studio.settings.view; },
  get stats() { return studio.stats && structuredClone(studio.stats); },
  get reconnects() { return studio.link.reconnects; },
  get recording() { return studio.recorder.wanted; },
});
