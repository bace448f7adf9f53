// The program: what comes back from the server, in the page's one media element. Starts muted, because who listens to
// himself over loudspeakers howls. Says when no picture is coming. Knows no connection.

import { $, setHidden, setKey, setText, toast } from "./dom.js";

const STILL_AFTER = 2;

export class Program {
  #frames = -1; #still = 0; #hinted = false;

  constructor() {
    this.video = $("program");
    this.stream = null;
    this.#showListening();
    this.video.addEventListener("loadeddata", () => setHidden($("freeze"), true));
    $("listen").addEventListener("click", () => this.listen(this.video.muted));
    $("full").addEventListener("click", () => this.#fullscreen());
    setHidden($("full"), !document.fullscreenEnabled);
    document.addEventListener("fullscreenchange", () => setText($("full").querySelector(".lbl"), document.fullscreenElement ? "Leave full screen" : "Full screen"));
  }

  /** A connection's first track replaces the last connection's stream; the second joins it. */
  add(track, fresh) {
    if (fresh || !this.stream) {
      this.stream = new MediaStream([track]);
      this.video.srcObject = this.stream;
      this.#frames = -1;
    } else {
      this.stream.addTrack(track);
    }
    return this.play();
  }

  /** False when the browser wants a click first. */
  async play() {
    try {
      await this.video.play();
    } catch (error) {
      return error.name !== "NotAllowedError";
    }
    return true;
  }

  /** Keeps the last frame on the screen while the connection is away. */
  freeze() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width || !$("sound-only").hidden) return;
    const canvas = $("freeze");
    canvas.width = 480;
    canvas.height = Math.round((480 * height) / width);
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height);
    setHidden(canvas, false);
  }

  clear() {
    setHidden($("freeze"), true);
    this.stream = null;
    this.video.srcObject = null;
    this.listen(false);
    setHidden($("sound-only"), true);
  }

  /** For a page that only watches there is nothing to howl with. */
  spectator() {
    this.#hinted = true;
  }

  listen(on) {
    this.video.muted = !on;
    this.#showListening();
    if (on && !this.#hinted) {
      this.#hinted = true;
      toast("Use headphones: a microphone that hears the loudspeaker howls.", "warn");
    }
  }

  /** Once a second: does the picture move? `why` says what to show when it does not. */
  watch(live, why) {
    const frames = this.video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
    this.#still = frames === this.#frames ? this.#still + 1 : 0;
    this.#frames = frames;
    const still = live && this.#still >= STILL_AFTER;
    setHidden($("sound-only"), !still);
    if (still) setText($("sound-only-text"), why);
  }

  #showListening() {
    const on = !this.video.muted;
    setKey($("listen"), { pressed: on, icon: on ? "phones" : "phones-off", label: on ? "Listening" : "Listen",
      hint: on ? "Mute what comes back" : "Hear what comes back (use headphones)" });
  }

  #fullscreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else $("screen").requestFullscreen?.().catch(() => toast("The browser did not allow full screen.", "warn"));
  }
}
