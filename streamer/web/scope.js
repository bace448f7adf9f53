// Everything that draws sound: two spectrograms and two meters on one clock, each fed by its tap. Draws nothing
// while the page is hidden (the browser gives it no frames then).

import { $ } from "./dom.js";
import { Tap } from "./tap.js";
import { Meter } from "./meters.js";
import { Spectrogram } from "./spectrogram.js";

// 30 drawings a second look as smooth, and leave the machine to the picture.
const DRAW_EVERY_MS = 30;

class Side {
  constructor(name) {
    this.track = $(`track-${name}`);
    this.meter = new Meter($(`meter-${name}`));
    this.tap = new Tap();
    this.spectrogram = new Spectrogram($(`spectro-${name}`), this.tap);
  }

  draw(fallbackDb, now) {
    const listening = this.tap.analyser !== null;
    this.track.classList.toggle("drawing", listening);
    this.meter.draw(listening ? this.tap.peakDb() : fallbackDb, now);
    if (listening) this.spectrogram.draw(now);
  }
}

export class Scope {
  #in = new Side("in"); #out = new Side("out"); #drawnAt = 0; #everyFrame;

  /** `inDb()` → the level to show while there is no microphone here; `everyFrame()` is called with each drawing. */
  constructor({ inDb, everyFrame }) {
    this.inDb = inDb;
    this.#everyFrame = everyFrame;
    requestAnimationFrame((now) => this.#draw(now));
  }

  /** To be called from a click. */
  wake() {
    this.#in.tap.wake();
    this.#out.tap.wake();
  }

  hearMic(track) {
    this.#in.tap.attach(track);
  }

  hearProgram(track) {
    this.#out.tap.attach(track);
  }

  #draw(now) {
    requestAnimationFrame((next) => this.#draw(next));
    if (now - this.#drawnAt < DRAW_EVERY_MS) return;
    this.#drawnAt = now;
    this.#in.draw(this.inDb() ?? -Infinity, now);
    this.#out.draw(-Infinity, now);
    this.#everyFrame();
  }
}
