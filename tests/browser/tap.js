// An audio worklet that tells every sample it hears, with the context's frame number of the first.

const BATCH = 2048;

registerProcessor("tap", class extends AudioWorkletProcessor {
  #held = new Float32Array(BATCH);
  #filled = 0;

  process([input]) {
    const sound = input[0];
    if (sound) this.#held.set(sound, this.#filled);
    else this.#held.fill(0, this.#filled, this.#filled + 128);
    this.#filled += 128;
    if (this.#filled === BATCH) {
      this.port.postMessage({ frame: currentFrame + 128 - BATCH, sound: this.#held.slice() });
      this.#filled = 0;
    }
    return true;
  }
});
