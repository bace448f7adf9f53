// The local camera and microphone: opened once, switched while live, and released when switched off.
// Knows nothing of connections: `onTrack(kind, track)` says what to send from now on (null: nothing).

import { store, stored } from "./dom.js";

const PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

/** Why capture did not start; `name` is the browser's (NotAllowedError …) or "Insecure". */
export class CaptureError extends Error {
  constructor(name, kind, message = "") {
    super(message);
    this.name = name;
    this.kind = kind;
  }
}

/** "granted", "denied", "prompt", or null where the browser does not tell. */
async function permission(kind) {
  try {
    return (await navigator.permissions.query({ name: kind === "audio" ? "microphone" : "camera" })).state;
  } catch {
    return null;
  }
}

function flag(key, fallback) {
  return stored("localStorage", key, fallback ? "yes" : "no") === "yes";
}

export class Devices {
  #onTrack; #onNotice;

  constructor({ onTrack, onNotice }) {
    this.#onTrack = onTrack;
    this.#onNotice = onNotice;
    this.tracks = { audio: null, video: null };
    this.muted = false;
    this.chosen = { audio: stored("localStorage", "mic", ""), video: stored("localStorage", "camera", "") };
    // Limelight cleans; a second cleaner in front of it only harms. Echo is the one thing it cannot see.
    this.processing = { echo: flag("echo", true), noise: flag("noise", false), gain: flag("gain", false) };
  }

  get supported() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  /** Opens what there is, asking once. Throws CaptureError when there is no microphone to be had. */
  async open({ camera }) {
    if (!this.supported) throw new CaptureError("Insecure", "audio");
    this.muted = false;
    const video = camera ? this.#constraints("video") : false;
    try {
      this.#adopt(await navigator.mediaDevices.getUserMedia({ audio: this.#constraints("audio"), video }));
    } catch (error) {
      if (!camera) throw new CaptureError(error.name, "audio", error.message);
      await this.#openApart(error);
    }
  }

  /** One of the two failed and the browser does not say which: try each alone, the microphone first. */
  async #openApart(first) {
    if (first.name === "NotAllowedError" && (await permission("camera")) !== "denied") {
      throw new CaptureError(first.name, "both", first.message);
    }
    try {
      this.#adopt(await navigator.mediaDevices.getUserMedia({ audio: this.#constraints("audio") }));
    } catch (error) {
      throw new CaptureError(error.name, "audio", error.message);
    }
    if (first.name === "NotAllowedError") {
      this.#onNotice("The camera is blocked in this browser, so this is sound only.", "warn");
      return;
    }
    await this.cameraOn(true);
  }

  get cameraIsOn() {
    return this.tracks.video !== null;
  }

  /** Switches the camera for real: off releases it, and its light goes out. True when it did. */
  async cameraOn(on) {
    if (!on) {
      this.#set("video", null);
      return true;
    }
    try {
      this.#adopt(await navigator.mediaDevices.getUserMedia({ video: this.#constraints("video") }));
      return true;
    } catch (error) {
      this.#onNotice(CAMERA_NOTES[error.name] ?? `The camera did not start: ${error.message}`, "warn");
      return false;
    }
  }

  mute(muted) {
    this.muted = muted;
    if (this.tracks.audio) this.tracks.audio.enabled = !muted;
  }

  /** Another microphone or camera, without another connection. */
  async choose(kind, deviceId) {
    this.chosen[kind] = deviceId;
    store("localStorage", kind === "audio" ? "mic" : "camera", deviceId);
    if (this.tracks[kind]) await this.#reopen(kind);
  }

  async process(name, on) {
    this.processing[name] = on;
    store("localStorage", name, on ? "yes" : "no");
    if (this.tracks.audio) await this.#reopen("audio");
  }

  async list() {
    const found = this.supported ? await navigator.mediaDevices.enumerateDevices() : [];
    const of = (kind) => found.filter((device) => device.kind === kind && device.deviceId !== "");
    return { audio: of("audioinput"), video: of("videoinput"), output: of("audiooutput") };
  }

  close() {
    this.#set("audio", null);
    this.#set("video", null);
  }

  async #reopen(kind) {
    // Many cameras open only once: the old one goes first. A microphone is replaced without a gap.
    if (kind === "video") this.#release("video");
    try {
      this.#adopt(await navigator.mediaDevices.getUserMedia({ [kind]: this.#constraints(kind) }));
    } catch (error) {
      const what = kind === "audio" ? "microphone" : "camera";
      this.#onNotice(`That ${what} did not start (${error.name}).`, "warn");
      if (kind === "video") this.#set("video", null);
    }
  }

  #constraints(kind) {
    const deviceId = this.chosen[kind] ? { deviceId: { ideal: this.chosen[kind] } } : {};
    if (kind === "video") return { ...PICTURE, ...deviceId };
    const { echo, noise, gain } = this.processing;
    return { echoCancellation: echo, noiseSuppression: noise, autoGainControl: gain, ...deviceId };
  }

  #adopt(stream) {
    for (const track of stream.getTracks()) this.#set(track.kind, track);
  }

  #set(kind, track) {
    const old = this.tracks[kind];
    if (old === null && track === null) return;
    this.#release(kind);
    this.tracks[kind] = track;
    if (track) {
      if (kind === "audio") track.enabled = !this.muted;
      track.onended = () => this.#unplugged(kind, track);
    }
    this.#onTrack(kind, track);
  }

  #release(kind) {
    const old = this.tracks[kind];
    if (!old) return;
    old.onended = null;
    old.stop();
  }

  async #unplugged(kind, track) {
    if (this.tracks[kind] !== track) return;
    this.#set(kind, null);
    if (kind === "video") {
      this.#onNotice("The camera was unplugged or taken away. Press V to try again.", "warn");
      return;
    }
    this.#onNotice("The microphone was unplugged; looking for another one.", "warn");
    this.chosen.audio = "";
    await this.#reopen("audio");
  }
}

const CAMERA_NOTES = {
  NotAllowedError: "The camera is blocked in this browser; sound goes on without it.",
  NotFoundError: "No camera was found, so this is sound only.",
  NotReadableError: "Another program holds the camera, so this is sound only.",
};
