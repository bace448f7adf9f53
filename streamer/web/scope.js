// Everything that draws sound: two spectrograms and two meters on one clock, fed by the graph's taps. Draws nothing
// while the page is hidden (the browser gives it no frames then).

import { $ } from "./dom.js";
import { Graph } from "./graph.js";
import { Meter } from "./meters.js";
import { Spectrogram } from "./spectrogram.js";

// 30 drawings a second look as smooth, and leave the machine to the picture.
const DRAW_EVERY_MS = 30;

class Side {
  constructor(name) {
    this.track = $(`track-${name}`);
    this.meter = new Meter($(`meter-${name}`));
    this.spectrogram = new Spectrogram($(`spectro-${name}`));
  }

  draw(tap, fallbackDb, now) {
    const listening = Boolean(tap?.attached);
    this.track.classList.toggle("drawing", listening);
    this.meter.draw(listening ? tap.peakDb() : fallbackDb, now);
    if (listening) this.spectrogram.draw(now);
  }
}

export class Scope {
  #graph = new Graph(); #in = new Side("in"); #out = new Side("out"); #drawnAt = 0; #everyFrame;

  /** `inDb()` → the level to show while there is no microphone here; `everyFrame()` is called with each drawing. */
  constructor({ inDb, everyFrame }) {
    this.inDb = inDb;
    this.#everyFrame = everyFrame;
    requestAnimationFrame((now) => this.#draw(now));
  }

  /** To be called from a click. */
  wake() {
    this.#graph.wake();
    this.#in.spectrogram.listen(this.#graph.mic, this.#graph.rate);
    this.#out.spectrogram.listen(this.#graph.program, this.#graph.rate);
  }

  hearMic(track) {
    this.#graph.mic?.attach(track);
  }

  hearProgram(track) {
    this.#graph.program?.attach(track);
  }

  #draw(now) {
    requestAnimationFrame((next) => this.#draw(next));
    if (now - this.#drawnAt < DRAW_EVERY_MS) return;
    this.#drawnAt = now;
    this.#in.draw(this.#graph.mic, this.inDb() ?? -Infinity, now);
    this.#out.draw(this.#graph.program, -Infinity, now);
    this.#everyFrame();
  }
}
