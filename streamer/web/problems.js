// What to tell a person, in plain words, for everything that can stand in the way: what happened, what to do about it,
// and which buttons help. Pure: a card is data, `actions` name verbs that app.js knows.

const again = { label: "Try again", verb: "start" };
const soundOnly = { label: "Microphone only", verb: "start-sound" };
const watch = { label: "Only watch", verb: "watch" };
const stop = { label: "Stop trying", verb: "stop" };

const CAPTURE = {
  Insecure: {
    title: "The browser hides the microphone on this page",
    text: "Cameras and microphones are only given to secure pages, and this one came over plain http from another machine.",
    steps: ["Open it by https: start limelight with --tls self-signed, then open https:// and this address.",
      "Or open it on the server's own machine as http://localhost."],
    actions: [watch],
  },
  NotAllowedError: {
    title: "Your microphone is blocked",
    text: "The browser, or the system under it, did not allow this page to use it. Nothing has been sent.",
    steps: ["Click the icon left of the address and allow the microphone (and the camera, if you want a picture).",
      "No such switch there? Look in the system's own settings: Privacy, then Microphone, and allow this browser."],
    actions: [again, soundOnly, watch],
  },
  NotFoundError: {
    title: "No microphone was found",
    text: "The browser sees no microphone on this computer.",
    steps: ["Plug one in, or switch its hardware mute off.", "A Bluetooth headset may need to be connected first."],
    actions: [again, watch],
  },
  NotReadableError: {
    title: "The microphone is busy",
    text: "The browser may use it, but the system did not hand it over. Most often another program holds it.",
    steps: ["Close other calls or recording programs.", "Unplug the device and plug it in again."],
    actions: [again, soundOnly, watch],
  },
};

function capture(error) {
  const known = CAPTURE[error.name];
  if (known) return { ...known, tone: "bad" };
  return {
    tone: "bad", title: "The microphone did not start",
    text: `The browser says: ${error.message || error.name}.`,
    steps: ["Try again, or choose another device under Devices."], actions: [again, soundOnly, watch],
  };
}

function welcome(mode) {
  if (mode === "view") {
    return { title: "Watch this session", text: "You only watch: no camera and no microphone are used.", steps: [], actions: [{ label: "Watch", verb: "start", big: true }] };
  }
  if (mode === "steer") {
    return {
      title: "Steer this session", text: "See and hear what is published into it, and set how it sounds. This page takes no camera and no microphone.",
      steps: [], actions: [{ label: "Start", verb: "start", big: true }],
    };
  }
  return {
    title: "Sound like the room isn’t there",
    text: "Your microphone goes to this Limelight server, is cleaned while you speak, and comes back in step with your picture.",
    ordered: ["Press Start. Your browser asks for the microphone and camera.",
      "They go to this server and nowhere else; nothing is recorded unless you press Record.",
      "Compare before and after with one key (B) or button, and choose how much is cleaned."],
    steps: [],
    actions: [{ label: "Start", verb: "start", big: true }, soundOnly],
  };
}

function asking() {
  return { title: "Your browser is asking", text: "Allow the microphone, and the camera if you want a picture. Without an answer nothing is sent.", steps: [], actions: [], busy: true };
}

function connecting({ error, attempt }) {
  if (!error) return { title: "Connecting…", text: "Finding the way to the server.", steps: [], actions: [], busy: true };
  const text = error.status === undefined ? "No path was found yet." : error.message;
  return { title: "Still connecting…", text: `${text} Trying again (${attempt + 1}).`, steps: [], actions: [stop], busy: true };
}

const ICE_STEPS = ["A firewall may block UDP: allow it from this computer to the server.",
  "A VPN may hide the path: try without it.",
  "Across the internet, the server needs a TURN relay: ask who runs it to configure one."];

function reconnecting({ error, attempt, until }) {
  const card = { title: "Reconnecting…", busy: true, slim: true, until, actions: [stop], steps: [],
    text: "The connection was lost. Your settings are kept, and sound and picture come back by themselves." };
  if (attempt >= 3 && error?.status === 0) card.text = "The server does not answer: it may be starting again. This page keeps trying.";
  else if (attempt >= 3 && error?.status === undefined) return { ...card, text: "The server answers, but sound and picture find no way through.", steps: ICE_STEPS, slim: false };
  return card;
}

function full({ error, until }) {
  return {
    title: "The server can’t take you just now", text: error.message, steps: [], until, tone: "warn", counting: "Next try in",
    actions: [{ label: "Try now", verb: "hurry" }, stop],
  };
}

function nobody({ mode, until }) {
  const steps = mode === "steer" ? ["Or type a line under Say: the session begins with its voice alone."] : [];
  return { title: "Nobody is live yet", text: "The program starts here as soon as somebody publishes into this session.", steps, busy: true, until, actions: [] };
}

function taken({ error }) {
  return {
    title: "Somebody is already live here", text: error.message, tone: "warn",
    steps: ["If that is OBS, or you on another device: watch and steer it from here.", "To publish on your own, use another session."],
    actions: [{ label: "Watch and steer", verb: "steer" }, { label: "Use another session", verb: "rename" }, again],
  };
}

function token({ error }) {
  return { title: "This server asks for a token", text: error.message, steps: [], asks: "Token", actions: [] };
}

function failed({ error }) {
  if (error?.name === "DoorError") {
    return { tone: "bad", title: "The server refused", text: error.message, steps: [], actions: [again] };
  }
  if (error?.constructor?.name === "IceError") {
    return {
      tone: "bad", title: "No way through the network", text: "The server answers this page, but sound and picture find no path between you and it.",
      steps: ICE_STEPS, actions: [again],
    };
  }
  return { tone: "bad", title: "The connection did not start", text: `The browser says: ${error?.message || "nothing"}.`, steps: ["Reload the page and try again."], actions: [again] };
}

export function asleep() {
  return { title: "Press to play", text: "This browser waits for a click before it plays a picture.", steps: [], actions: [{ label: "Play", verb: "play", big: true }] };
}

const CARDS = { idle: ({ mode }) => welcome(mode), asking, blocked: ({ error }) => capture(error), connecting, reconnecting, full, nobody, taken, token, failed };

/** The card of a phase; `detail`: what link.js tells of it, and the page's mode. */
export function card(phase, detail) {
  return CARDS[phase](detail);
}
