// The device pickers: lists what there is, shows what is in use, and passes a choice on. Refreshed when devices come
// and go. Output choice appears only where the browser can route a page's sound.

import { $, make, setHidden, setText, store, stored, toast } from "./dom.js";

const NAMES = { audio: "Microphone", video: "Camera", output: "Output" };

function fill(select, devices, kind, current, fallback) {
  const options = devices.map((device, i) => make("option", { value: device.deviceId }, device.label || `${NAMES[kind]} ${i + 1}`));
  if (fallback) options.unshift(make("option", { value: "" }, fallback));
  if (!options.length) options.push(make("option", { value: "" }, `No ${NAMES[kind].toLowerCase()} found`));
  select.replaceChildren(...options);
  select.value = devices.some((device) => device.deviceId === current) ? current : (options[0].value);
  select.disabled = devices.length === 0;
}

export class Pickers {
  #devices; #element;

  /** `element`: the media element whose sound `Output` routes. */
  constructor(devices, element) {
    this.#devices = devices;
    this.#element = element;
    $("pick-mic").addEventListener("change", ({ target }) => this.#choose("audio", target));
    $("pick-camera").addEventListener("change", ({ target }) => this.#choose("video", target));
    $("pick-output").addEventListener("change", ({ target }) => this.#route(target.value));
    for (const name of ["echo", "noise", "gain"]) this.#option(name);
    navigator.mediaDevices?.addEventListener?.("devicechange", () => this.refresh());
    setHidden($("field-output"), typeof element.setSinkId !== "function");
    if (stored("localStorage", "output")) this.#route(stored("localStorage", "output"), { quiet: true });
    this.refresh();
  }

  async refresh() {
    const { audio, video, output } = await this.#devices.list();
    const inUse = (kind) => this.#devices.tracks[kind]?.getSettings().deviceId ?? this.#devices.chosen[kind];
    fill($("pick-mic"), audio, "audio", inUse("audio"));
    fill($("pick-camera"), video, "video", inUse("video"));
    fill($("pick-output"), output.filter((device) => device.deviceId !== "default"), "output", this.#element.sinkId ?? "", "System default");
    const label = this.#devices.tracks.audio?.label;
    setText($("devices-sum"), label || "microphone, camera, output");
  }

  async #choose(kind, select) {
    await this.#devices.choose(kind, select.value);
    await this.refresh();
  }

  async #route(deviceId, { quiet = false } = {}) {
    if (typeof this.#element.setSinkId !== "function") return;
    try {
      await this.#element.setSinkId(deviceId);
      store("localStorage", "output", deviceId || null);
    } catch {
      if (!quiet) toast("The browser did not route the sound there.", "warn");
      this.refresh();
    }
  }

  #option(name) {
    const input = $(`opt-${name}`);
    input.checked = this.#devices.processing[name];
    input.addEventListener("change", () => this.#devices.process(name, input.checked));
  }
}
