// The studio: puts devices, link, program, settings and drawings together, and is the only one that knows them all.
// Each event from below ends here in a verb; each verb is a short method.

import { Card } from "./card.js";
import { Controls } from "./controls.js";
import { Devices } from "./devices.js";
import { $, setHidden, setKey, setText, store, stored, toast } from "./dom.js";
import { Door } from "./door.js";
import { clock } from "./format.js";
import { Graph } from "./graph.js";
import { HoldOrTap, holdable, listen } from "./keys.js";
import { Link } from "./link.js";
import { Meter } from "./meters.js";
import { Network } from "./network.js";
import { Peer } from "./peer.js";
import { Pickers } from "./pickers.js";
import { another, go } from "./place.js";
import * as problems from "./problems.js";
import { Program } from "./program.js";
import * as reading from "./reading.js";
import { Recorder } from "./recorder.js";
import { Settings } from "./settings.js";
import { toggleHelp, wireShare } from "./share.js";
import { Spectrogram } from "./spectrogram.js";
import * as status from "./status.js";
import { Waterfall } from "./waterfall.js";

const CONFIG_FRESH_MS = 60_000;
// 30 drawings a second look as smooth, and leave the machine to the picture.
const DRAW_EVERY_MS = 30;

export class Studio {
  phase = "idle";
  stats = null;
  #config = { iceServers: [] }; #configAt = -Infinity; #hello = null; #lastTime = null; #everHello = false; #wantsCamera = true; #drawnAt = 0;

  constructor({ session, mode, token }) {
    this.mode = mode;
    this.door = new Door({ session, token });
    this.program = new Program();
    this.graph = new Graph();
    this.devices = new Devices({ onTrack: (kind, track) => this.#send(kind, track), onNotice: toast });
    this.recorder = new Recorder({ session, onSaved: (name) => toast(`Saved ${name} to your downloads.`) });
    this.settings = new Settings({
      send: (part) => this.link.peer?.send({ type: "set", settings: part }) ?? false,
      onChange: () => this.#renderSettings(),
      onIgnored: () => toast("The server did not confirm the change; its own value is shown.", "warn"),
    });
    this.link = new Link({
      makePeer: (takesOver) => this.#makePeer(takesOver),
      onPhase: (phase, detail) => this.#enter(phase, detail),
      onLive: (peer) => this.#onLive(peer),
    });
    this.link.lastId = stored("sessionStorage", `connection.${session}`);
    this.#build();
    this.#wire();
    this.#renderSettings();
    this.#enter("idle");
  }

  // The page's pieces

  #build() {
    this.card = new Card({ onVerb: (verb, value) => this.#act(verb, value) });
    this.controls = new Controls(this.settings);
    this.pickers = new Pickers(this.devices, this.program.video);
    this.meters = { in: new Meter($("meter-in")), out: new Meter($("meter-out")) };
    this.spectrograms = { in: new Spectrogram($("spectro-in")), out: new Spectrogram($("spectro-out")) };
    this.waterfall = new Waterfall($("waterfall"));
    this.network = new Network();
    wireShare(this.door);
    if (this.mode === "view") this.program.spectator();
  }

  #wire() {
    const compare = new HoldOrTap(() => this.compare());
    const taps = { m: () => this.toggleMute(), v: () => this.toggleCamera(), r: () => this.toggleRecord(), "?": toggleHelp };
    listen(taps, compare);
    holdable($("compare"), compare);
    $("mic").addEventListener("click", taps.m);
    $("camera").addEventListener("click", taps.v);
    $("record").addEventListener("click", taps.r);
    $("stop").addEventListener("click", () => this.stop());
    $("listen").addEventListener("click", () => this.graph.wake());
    window.addEventListener("online", () => this.link.hurry());
    window.addEventListener("pagehide", () => this.stop());
    window.addEventListener("beforeunload", (event) => { if (this.recorder.wanted) event.preventDefault(); });
    setInterval(() => this.#everySecond(), 1000);
    requestAnimationFrame((now) => this.#draw(now));
  }

  #act(verb, value) {
    const { session } = this.door;
    const verbs = {
      start: () => this.start({ camera: this.#wantsCamera }),
      "start-sound": () => this.start({ camera: false }),
      hurry: () => this.link.hurry(),
      stop: () => this.stop(),
      play: () => this.program.play().then((played) => { if (played) this.card.hide(); }),
      watch: () => go(session, "&view=1"),
      steer: () => go(session, "&steer=1"),
      rename: () => go(another(session)),
      token: () => { this.door.token = value; store("sessionStorage", "token", value); this.start({ camera: this.#wantsCamera }); },
    };
    verbs[verb]?.();
  }

  // From a click to a standing connection

  async start({ camera }) {
    this.graph.wake();
    for (const [which, tap] of [["in", this.graph.mic], ["out", this.graph.program]]) this.spectrograms[which].listen(tap, this.graph.rate);
    this.#wantsCamera = camera;
    if (this.mode === "studio" && !this.devices.tracks.audio && !(await this.#openDevices(camera))) return;
    this.link.start();
  }

  async #openDevices(camera) {
    this.#enter("asking");
    try {
      await this.devices.open({ camera });
    } catch (error) {
      this.devices.close();
      this.#enter("blocked", { error });
      return false;
    }
    this.pickers.refresh();
    return true;
  }

  async #makePeer(takesOver) {
    if (performance.now() - this.#configAt > CONFIG_FRESH_MS) await this.#readConfig();
    let fresh = true;
    return new Peer({
      door: this.door, iceServers: this.#config.iceServers, publishes: this.mode === "studio", tracks: this.devices.tracks, takesOver,
      onMessage: (message) => this.#hear(message),
      onTrack: (track) => { this.#receive(track, fresh); fresh = false; },
    });
  }

  async #readConfig() {
    try {
      this.#config = await this.door.config();
      this.#configAt = performance.now();
    } catch {
      // The offer that follows meets the same refusal, and says it better.
    }
    return this.#config;
  }

  async #receive(track, fresh) {
    const recording = () => { if (this.phase === "live") this.#followRecording(); };
    if (track.kind === "audio") this.graph.program?.attach(track);
    else track.onunmute = recording;
    if (!(await this.program.add(track, fresh))) this.card.show(problems.asleep());
  }

  #onLive(peer) {
    store("sessionStorage", `connection.${this.door.session}`, peer.id);
    this.#hello = null;
    // Devices may have changed while the offer was on its way.
    for (const kind of ["audio", "video"]) if (this.mode === "studio") this.#send(kind, this.devices.tracks[kind]);
    this.settings.resume();
    this.#followRecording();
  }

  stop() {
    this.link.stop();
    store("sessionStorage", `connection.${this.door.session}`, null);
    this.recorder.stop();
    this.devices.close();
    this.graph.program?.attach(null);
    this.program.clear();
    this.waterfall.clear();
    status.clear();
    this.stats = null;
    this.#everHello = false;
    this.#lastTime = null;
    this.#enter("idle");
  }

  // Phases

  #enter(phase, detail = {}) {
    const entered = phase !== this.phase;
    this.phase = phase;
    status.showPhase(phase);
    document.title = `${phase === "live" ? "● " : ""}${this.door.session} · Limelight studio`;
    if (phase === "live") this.card.hide();
    else this.card.show(this.#cardFor(phase, detail));
    if (phase === "idle") this.#welcome();
    if (entered && phase !== "live") this.recorder.pause();
    if (["taken", "token", "failed", "full"].includes(phase)) this.#quiet();
    this.#renderDeck();
    this.#renderSettings();
  }

  #cardFor(phase, detail) {
    const cards = {
      idle: () => problems.welcome(this.mode), asking: problems.asking, blocked: ({ error }) => problems.capture(error),
      connecting: problems.connecting, reconnecting: problems.reconnecting, full: problems.full,
      nobody: problems.nobody, taken: problems.taken, token: problems.token, failed: problems.failed,
    };
    return cards[phase](detail);
  }

  async #welcome() {
    if (this.mode === "view") return;
    const config = await this.#readConfig();
    if (this.phase === "idle") this.card.note(this.#configAt > 0 ? status.serverLine(config) : "The server does not answer yet.");
  }

  #quiet() {
    status.showVoice(false, null);
  }

  // What the server says

  #hear(message) {
    const listeners = {
      hello: () => this.#onHello(message),
      settings: () => this.settings.accept(message.settings),
      stats: () => this.#onStats(reading.stats(message)),
      speech: () => status.showVoice(message.state === "start", this.stats?.speech ?? null),
      publisher: () => { if (this.mode !== "studio") toast(message.state === "joined" ? "Somebody started publishing." : "The publisher left."); },
      error: () => { this.settings.refuse(); toast(reading.errorText(message), "bad"); },
    };
    if (Object.hasOwn(listeners, message.type)) listeners[message.type]();
  }

  /** The first hello is the truth. Later ones wait for the session's clock: it tells whether the session is a new one. */
  #onHello({ settings }) {
    if (!this.#everHello || this.mode !== "studio") this.settings.accept(settings);
    else this.#hello = settings;
    this.#everHello = true;
  }

  #onStats(stats) {
    if (this.#hello) {
      const remade = stats.time !== null && this.#lastTime !== null && stats.time < this.#lastTime;
      if (remade) this.settings.restore(this.#hello);
      else this.settings.accept(this.#hello);
      this.#hello = null;
    }
    this.#lastTime = stats.time;
    this.stats = stats;
    status.showStats(stats);
    status.showVoice(stats.speaking, stats.speech);
    this.waterfall.draw(stats);
  }

  // Verbs of the deck

  compare() {
    if (this.phase === "live") this.settings.set("enhance.on", !this.settings.get("enhance.on"));
  }

  toggleMute() {
    if (!this.devices.tracks.audio) return;
    this.devices.mute(!this.devices.muted);
    this.#renderDeck();
  }

  async toggleCamera() {
    if (this.mode !== "studio" || !this.link.running) return;
    this.#wantsCamera = !this.devices.cameraIsOn;
    $("camera").disabled = true;
    await this.devices.cameraOn(this.#wantsCamera);
    this.#renderDeck();
    this.pickers.refresh();
  }

  toggleRecord() {
    if (this.recorder.wanted) this.recorder.stop();
    else if (this.phase === "live" && this.program.stream) this.#tryRecording(() => this.recorder.start(this.program.stream));
    this.#renderDeck();
  }

  #followRecording() {
    if (this.recorder.wanted && this.program.stream) this.#tryRecording(() => this.recorder.follow(this.program.stream));
  }

  #tryRecording(begin) {
    try {
      begin();
    } catch (error) {
      this.recorder.stop();
      toast(`The recording did not start: ${error.message}`, "bad");
      this.#renderDeck();
    }
  }

  #send(kind, track) {
    if (kind === "audio") this.graph.mic?.attach(track);
    const sender = this.link.peer?.senders[kind];
    if (sender && sender.track !== track) sender.replaceTrack(track).catch(() => {});
    this.#renderDeck();
  }

  // Drawing

  #renderDeck() {
    const live = this.phase === "live";
    const { muted, cameraIsOn } = this.devices;
    $("mic").disabled = !this.devices.tracks.audio;
    $("camera").disabled = !this.link.running || this.mode !== "studio";
    $("record").disabled = !(live || this.recorder.wanted) || !this.recorder.supported;
    $("compare").disabled = $("listen").disabled = $("full").disabled = !live;
    $("stop").disabled = !this.link.running;
    setKey($("mic"), { pressed: muted, icon: muted ? "mic-off" : "mic", label: muted ? "Muted" : "Mute", hint: muted ? "Unmute (M)" : "Mute (M)" });
    setKey($("camera"), { pressed: !cameraIsOn && this.link.running, icon: cameraIsOn || !this.link.running ? "cam" : "cam-off", label: cameraIsOn || !this.link.running ? "Camera" : "Camera off", hint: cameraIsOn ? "Camera off (V)" : "Camera on (V)" });
    const wanted = this.recorder.wanted;
    setKey($("record"), { pressed: wanted, icon: wanted ? "stop" : "rec", label: wanted ? "Stop" : "Record", hint: wanted ? "Stop and save (R)" : "Record the program (R)" });
    $("record").classList.toggle("recording", wanted);
  }

  #renderSettings() {
    if (!this.controls) return;
    this.controls.render();
    const on = this.settings.get("enhance.on");
    setKey($("compare"), { pressed: !on, label: on ? "Hear before" : "Hear after", hint: "Before / after: tap to switch, hold to peek (B)" });
    $("sign").className = `sign ${on ? "after" : "before"}`;
    setText($("sign"), on ? "After · cleaned" : "Before · as it came in");
    setHidden($("sign"), this.phase !== "live");
    $("track-out").classList.toggle("bypassed", !on);
    setText($("out-note"), on ? "what others hear" : "enhance is off: as it came in");
  }

  #everySecond() {
    const mine = this.mode === "studio" && !this.devices.cameraIsOn;
    this.program.watch(this.phase === "live", mine ? "Sound only: your camera is off" : "Sound only: no picture is coming");
    const { peer } = this.link;
    if (this.phase === "live" && peer) this.network.read(peer.pc).then((network) => status.showNetwork(network, this.stats)).catch(() => {});
  }

  #draw(now) {
    requestAnimationFrame((next) => this.#draw(next));
    if (now - this.#drawnAt < DRAW_EVERY_MS) return;
    this.#drawnAt = now;
    const { mic, program } = this.graph;
    this.meters.in.draw(mic?.attached ? mic.peakDb() : (this.stats?.inDb ?? -Infinity), now);
    this.meters.out.draw(program?.attached ? program.peakDb() : -Infinity, now);
    $("track-in").classList.toggle("drawing", Boolean(mic?.attached));
    $("track-out").classList.toggle("drawing", Boolean(program?.attached));
    if (mic?.attached) this.spectrograms.in.draw(now);
    if (program?.attached) this.spectrograms.out.draw(now);
    setHidden($("rec-sign"), !this.recorder.wanted);
    if (this.recorder.wanted) setText($("rec-time"), clock(this.recorder.seconds));
  }
}
