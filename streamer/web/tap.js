// The WebAudio side: a tap listens to one track at a time and measures it. It only listens; what a person hears comes
// from the program's own element.

const FFT = 2048;

export const BINS = FFT / 2;

export class Tap {
  #context = null; #track = null; #awake = false; #samples = new Float32Array(FFT);

  constructor() {
    this.analyser = null;
  }

  /** To be called from a click: browsers keep sound asleep until then. */
  wake() {
    if (this.#awake) {
      this.#resume();
      return;
    }
    this.#awake = true;
    this.#open();
  }

  /** Listens to this track from now on; null: to nothing. */
  attach(track) {
    if (track === this.#track) return;
    this.#track = track;
    if (this.#awake) this.#open();
  }

  get rateHz() {
    return this.#context?.sampleRate ?? null;
  }

  /** Peak of the last 43 ms, dBFS; -Infinity in silence. */
  peakDb() {
    this.analyser.getFloatTimeDomainData(this.#samples);
    let peak = 0;
    for (const x of this.#samples) {
      const size = x < 0 ? -x : x;
      if (size > peak) peak = size;
    }
    return 20 * Math.log10(peak);
  }

  /** A context for each track: Chromium keeps a stream's source node for as long as its context runs. */
  #open() {
    this.#context?.close().catch(() => {});
    this.#context = this.analyser = null;
    if (!this.#track) return;
    const context = this.#context = new AudioContext({ latencyHint: "playback" });
    this.analyser = new AnalyserNode(context, { fftSize: FFT, smoothingTimeConstant: 0, minDecibels: -105, maxDecibels: -25 });
    // Some browsers pull only what leads to the loudspeaker: a silent road there costs nothing.
    const silence = new GainNode(context, { gain: 0 });
    context.createMediaStreamSource(new MediaStream([this.#track])).connect(this.analyser).connect(silence).connect(context.destination);
    this.#resume();
  }

  #resume() {
    if (this.#context?.state === "suspended") this.#context.resume().catch(() => {});
  }
}
