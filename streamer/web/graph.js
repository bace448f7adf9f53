// The WebAudio side: one context, one analyser for the microphone and one for the program. It only listens;
// what a person hears comes from the program's own element.

const FFT = 2048;

class Tap {
  #context; #source = null; #samples = new Float32Array(FFT);

  constructor(context) {
    this.#context = context;
    this.analyser = new AnalyserNode(context, { fftSize: FFT, smoothingTimeConstant: 0, minDecibels: -105, maxDecibels: -25 });
    // Some browsers pull only what leads to the loudspeaker: a silent road there costs nothing.
    const silence = new GainNode(context, { gain: 0 });
    this.analyser.connect(silence).connect(context.destination);
  }

  /** Listens to this track from now on; null: to nothing. */
  attach(track) {
    this.#source?.disconnect();
    this.#source = track ? this.#context.createMediaStreamSource(new MediaStream([track])) : null;
    this.#source?.connect(this.analyser);
  }

  get attached() {
    return this.#source !== null;
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
}

export class Graph {
  #context = null;

  constructor() {
    this.mic = null;
    this.program = null;
  }

  /** To be called from a click: browsers keep sound asleep until then. Returns whether it is awake. */
  wake() {
    if (!this.#context) {
      this.#context = new AudioContext({ latencyHint: "playback" });
      this.mic = new Tap(this.#context);
      this.program = new Tap(this.#context);
    }
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
    return this.#context.state === "running";
  }

  get rate() {
    return this.#context?.sampleRate ?? 48_000;
  }
}
