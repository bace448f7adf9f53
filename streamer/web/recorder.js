// Records the program, as it comes back, into WebM files on this computer. One file is bounded in size; when the
// program's tracks change under it (a reconnect), the file is finished and the next begins by itself.

import { download, stamp } from "./download.js";

const TYPES = ["video/webm;codecs=vp9,opus", "video/webm;codecs=vp8,opus", "video/webm"];
const SOUND_TYPES = ["audio/webm;codecs=opus", "audio/webm"];
const SLICE_MS = 1000;
const FILE_LIMIT_BYTES = 2 ** 30;

/** A picture that never comes would hold the sound back: it is left out until its first frame. */
function recordable(stream) {
  return stream.getTracks().filter((track) => track.readyState === "live" && (track.kind === "audio" || !track.muted));
}

const same = (some, others) => some.length === others.length && some.every((track) => others.includes(track));

export class Recorder {
  #session; #onSaved; #recorder = null; #startedAt = 0; #wanted = false;

  constructor({ session, onSaved }) {
    this.#session = session;
    this.#onSaved = onSaved;
  }

  get supported() {
    return typeof MediaRecorder !== "undefined" && SOUND_TYPES.some((type) => MediaRecorder.isTypeSupported(type));
  }

  /** A person asked for a recording and has not ended it; between two files it is wanted but not running. */
  get wanted() {
    return this.#wanted;
  }

  get seconds() {
    return this.#recorder ? (performance.now() - this.#startedAt) / 1000 : 0;
  }

  /** Throws what MediaRecorder throws when it cannot record this stream. */
  start(stream) {
    this.#wanted = true;
    this.#begin(stream);
  }

  stop() {
    this.#wanted = false;
    this.#finish();
  }

  /** The program came back, or its picture came or went: close this file, go on in the next. */
  follow(stream) {
    if (!this.#wanted || (this.#recorder && same(this.#recorder.stream.getTracks(), recordable(stream)))) return;
    this.#finish();
    this.#begin(stream);
  }

  /** The program has gone for now: save what there is, and wait for `follow`. */
  pause() {
    this.#finish();
  }

  #begin(stream) {
    const live = new MediaStream(recordable(stream));
    const types = live.getVideoTracks().length ? TYPES : SOUND_TYPES;
    const mimeType = types.find((type) => MediaRecorder.isTypeSupported(type));
    const recorder = new MediaRecorder(live, { mimeType, videoBitsPerSecond: 5_000_000, audioBitsPerSecond: 128_000 });
    const name = `limelight-${this.#session}-${stamp(new Date())}.webm`;
    const parts = [];
    let bytes = 0;
    recorder.ondataavailable = ({ data }) => {
      if (data.size) parts.push(data);
      bytes += data.size;
      if (bytes < FILE_LIMIT_BYTES || recorder !== this.#recorder) return;
      this.#finish();
      this.#begin(stream);
    };
    recorder.onstop = () => {
      if (bytes > 0) {
        download(new Blob(parts, { type: mimeType.split(";")[0] }), name);
        this.#onSaved(name, bytes);
      }
      if (recorder === this.#recorder) this.#recorder = null;
    };
    recorder.start(SLICE_MS);
    this.#recorder = recorder;
    this.#startedAt = performance.now();
  }

  #finish() {
    const recorder = this.#recorder;
    this.#recorder = null;
    if (recorder && recorder.state !== "inactive") recorder.stop();
  }
}
