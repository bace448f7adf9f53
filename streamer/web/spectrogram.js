// A live spectrogram on one canvas: 60 Hz to 20 kHz, spaced for voices (even below 250 Hz, by octaves above), newest at the
// right, scrolled in place, so its memory never grows. With reduced motion nothing scrolls: a line sweeps across and overwrites the oldest.

import { make } from "./dom.js";
import { limelightMap } from "./colormap.js";
import { BINS } from "./tap.js";

const LOW_HZ = 60;
const HIGH_HZ = 20_000;
const PIXELS_PER_S = 60;
const MAX_COLUMNS = 12;
const LABELS_HZ = [200, 500, 1000, 2000, 5000, 10_000];

const CORNER_HZ = 250;

const warp = (hz) => Math.log1p(hz / CORNER_HZ);
const unwarp = (w) => CORNER_HZ * Math.expm1(w);

/** Height of a frequency, 0 (bottom) … 1 (top). */
export function heightOf(hz) {
  return (warp(hz) - warp(LOW_HZ)) / (warp(HIGH_HZ) - warp(LOW_HZ));
}

/** For each pixel row, top first: the first and the last FFT bin it shows. */
export function rowBins(rows, bins, rateHz) {
  const table = new Uint16Array(2 * rows);
  const binOf = (height) => (unwarp(warp(LOW_HZ) + height * (warp(HIGH_HZ) - warp(LOW_HZ))) * 2 * bins) / rateHz;
  for (let row = 0; row < rows; row += 1) {
    const low = Math.round(binOf((rows - 1 - row) / rows));
    const high = Math.round(binOf((rows - row) / rows)) - 1;
    table[2 * row] = Math.min(bins - 1, Math.max(0, low));
    table[2 * row + 1] = Math.min(bins - 1, Math.max(low, high));
  }
  return table;
}

function copyOf(canvas) {
  const copy = document.createElement("canvas");
  copy.width = canvas.width;
  copy.height = canvas.height;
  copy.getContext("2d").drawImage(canvas, 0, 0);
  return copy;
}

export class Spectrogram {
  #canvas; #context; #colours = limelightMap(); #calm = matchMedia("(prefers-reduced-motion: reduce)");
  #tap; #rateHz = null; #rows = null; #bytes = new Uint8Array(BINS); #before = new Uint8Array(BINS); #column = null; #words = null;
  #lastAt = 0; #carry = 0; #cursor = 0;

  /** Draws what the tap (tap.js) hears, whenever it hears something. */
  constructor(canvas, tap) {
    this.#canvas = canvas;
    this.#tap = tap;
    this.#context = canvas.getContext("2d", { alpha: false });
    this.#label();
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.#fit();
  }

  draw(now) {
    const elapsed = Math.min(now - this.#lastAt, 1000);
    this.#lastAt = now;
    if (this.#tap.rateHz !== this.#rateHz) this.#prepare();
    if (!this.#column) return;
    this.#carry += (elapsed / 1000) * PIXELS_PER_S;
    const columns = Math.min(Math.floor(this.#carry), MAX_COLUMNS);
    if (columns < 1) return;
    this.#carry = Math.min(this.#carry - columns, 1);
    [this.#bytes, this.#before] = [this.#before, this.#bytes];
    this.#tap.analyser.getByteFrequencyData(this.#bytes);
    if (this.#calm.matches) this.#sweep(columns);
    else this.#scroll(columns);
  }

  /** One column; a slow screen's skipped ones glide from the last measured column (share 0) to this one (share 1). */
  #paint(x, share) {
    const rows = this.#rows;
    for (let row = 0; row < this.#words.length; row += 1) {
      let loudest = 0;
      for (let bin = rows[2 * row]; bin <= rows[2 * row + 1]; bin += 1) {
        const level = this.#before[bin] + share * (this.#bytes[bin] - this.#before[bin]);
        if (level > loudest) loudest = level;
      }
      this.#words[row] = this.#colours[loudest | 0];
    }
    this.#context.putImageData(this.#column, x, 0);
  }

  #scroll(columns) {
    const { width } = this.#canvas;
    this.#context.drawImage(this.#canvas, -columns, 0);
    for (let i = 1; i <= columns; i += 1) this.#paint(width - 1 - columns + i, i / columns);
  }

  #sweep(columns) {
    const { width, height } = this.#canvas;
    for (let i = 1; i <= columns; i += 1) {
      this.#paint(this.#cursor, i / columns);
      this.#cursor = (this.#cursor + 1) % width;
    }
    this.#context.fillStyle = "#c8f051";
    this.#context.fillRect(this.#cursor, 0, 1, height);
  }

  /** One canvas pixel per CSS pixel: the bins are coarser than a fine screen anyway. */
  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width < 2 || height < 2 || (width === this.#canvas.width && height === this.#canvas.height)) return;
    const old = this.#column ? copyOf(this.#canvas) : null;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#clear();
    if (old) this.#context.drawImage(old, width - old.width, 0, old.width, height);
    this.#cursor %= width;
    this.#prepare();
  }

  #clear() {
    const [r, g, b] = new Uint8Array(this.#colours.buffer, 0, 3);
    this.#context.fillStyle = `rgb(${r} ${g} ${b})`;
    this.#context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  #prepare() {
    const { height } = this.#canvas;
    this.#rateHz = this.#tap.rateHz;
    if (this.#rateHz === null || height < 2) return;
    this.#rows = rowBins(height, BINS, this.#rateHz);
    this.#column = new ImageData(1, height);
    this.#words = new Uint32Array(this.#column.data.buffer);
  }

  #label() {
    for (const hz of LABELS_HZ) {
      const text = hz >= 1000 ? `${hz / 1000} kHz` : `${hz} Hz`;
      const label = make("span", { class: "hz", "aria-hidden": "true" }, text);
      label.style.bottom = `${100 * heightOf(hz)}%`;
      this.#canvas.after(label);
    }
  }
}
