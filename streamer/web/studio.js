// The studio: puts devices, link, program, settings and drawings together, and is the only one that knows them all.
// Each event from below ends here in a verb; each verb is a short method.

import { AnchorCard } from "./anchor-card.js";
import { CaptionCard } from "./caption-card.js";
import { Card } from "./card.js";
import { Controls } from "./controls.js";
import { Deck } from "./deck.js";
import { Devices } from "./devices.js";
import { $, setHidden, setText, store, stored, toast } from "./dom.js";
import { Door } from "./door.js";
import { clock } from "./format.js";
import { Link } from "./link.js";
import { Network } from "./network.js";
import { Peer } from "./peer.js";
import { Pickers } from "./pickers.js";
import { another, go } from "./place.js";
import * as problems from "./problems.js";
import { Program } from "./program.js";
import * as reading from "./reading.js";
import { Recorder } from "./recorder.js";
import { SayCard } from "./say-card.js";
import { Scope } from "./scope.js";
import { Settings } from "./settings.js";
import { wireShare } from "./share.js";
import * as status from "./status.js";
import { Waterfall } from "./waterfall.js";

const CONFIG_FRESH_MS = 60_000;
const PICTURE_WAIT_MS = 1000;

export class Studio {
  phase = "idle";
  stats = null;
  #config = { iceServers: [] }; #configAt = -Infinity; #wantsCamera = true;

  constructor({ session, mode, token }) {
    this.mode = mode;
    this.door = new Door({ session, token });
    this.program = new Program();
    this.devices = new Devices({ onTrack: (kind, track) => this.#send(kind, track), onNotice: toast });
    this.recorder = new Recorder({ session, onSaved: (name) => toast(`Saved ${name} to your downloads.`) });
    this.settings = new Settings({
      send: (part) => this.link.peer?.send({ type: "set", settings: part }) ?? false,
      onChange: () => this.#renderSettings(),
      onIgnored: () => toast("The server did not confirm the change; its own value is shown.", "warn"),
    });
    this.link = new Link({
      makePeer: (takesOver) => this.#makePeer(takesOver), onPhase: (phase, detail) => this.#enter(phase, detail), onLive: (peer) => this.#onLive(peer),
      onLost: () => this.program.freeze(),
    });
    this.link.lastId = stored("sessionStorage", `connection.${session}`);
    this.#build();
    this.#wire();
    this.#enter("idle");
  }

  #build() {
    this.card = new Card({ onVerb: (verb, value) => this.#act(verb, value) });
    this.controls = new Controls(this.settings);
    this.captions = new CaptionCard({ door: this.door, settings: this.settings, watches: this.mode === "view" });
    this.say = new SayCard({ send: (message) => this.link.peer?.send(message) ?? false, begin: (text) => this.door.say(text).then(() => this.link.hurry()) });
    this.pickers = new Pickers(this.devices, this.program.video);
    this.scope = new Scope({ inDb: () => this.stats?.inDb ?? null, everyFrame: () => this.#showRecording() });
    this.deck = new Deck({
      mute: () => this.toggleMute(), camera: () => this.toggleCamera(), compare: () => this.compare(),
      caption: () => { if (this.phase === "live") this.captions.toggle(); this.#renderDeck(); }, record: () => this.toggleRecord(), stop: () => this.stop(),
    });
    [this.waterfall, this.network, this.anchor] = [new Waterfall($("waterfall")), new Network(), new AnchorCard(this)];
    wireShare(this.door);
    if (this.mode !== "studio") this.program.spectator();
    if (this.mode === "steer") {
      setText($("in-note"), "what is published");
      setText($("track-in").querySelector(".hollow"), "Drawn only where the microphone is");
    }
  }

  #wire() {
    $("listen").addEventListener("click", () => this.scope.wake());
    window.addEventListener("online", () => this.link.hurry());
    window.addEventListener("pagehide", () => this.stop());
    window.addEventListener("beforeunload", (event) => { if (this.recorder.wanted) event.preventDefault(); });
    setInterval(() => this.#everySecond(), 1000);
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
    this.scope.wake();
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
      this.anchor.offer(this.#config);
      this.#configAt = performance.now();
    } catch {
      // The offer that follows meets the same refusal, and says it better.
    }
    return this.#config;
  }

  async #receive(track, fresh) {
    if (track.kind === "audio") this.scope.hearProgram(track);
    else track.onunmute = () => { if (this.phase === "live") this.#followRecording(); };
    if (!(await this.program.add(track, fresh))) this.card.show(problems.asleep());
  }

  #onLive(peer) {
    store("sessionStorage", `connection.${this.door.session}`, peer.id);
    // Devices may have changed while the offer was on its way.
    for (const kind of ["audio", "video"]) if (this.mode === "studio") this.#send(kind, this.devices.tracks[kind]);
    this.settings.resume();
    this.captions.resume();
    // The picture, if there is one, gets a moment to come first, so that it is in the next file from its start.
    setTimeout(() => { if (this.phase === "live") this.#followRecording(); }, PICTURE_WAIT_MS);
  }

  stop() {
    this.link.stop();
    store("sessionStorage", `connection.${this.door.session}`, null);
    this.recorder.stop();
    this.devices.close();
    this.scope.hearProgram(null);
    this.program.clear();
    this.settings.forget();
    this.#enter("idle");
  }

  // Phases

  #enter(phase, detail = {}) {
    const entered = phase !== this.phase;
    this.phase = phase;
    status.showPhase(phase);
    document.title = `${phase === "live" ? "● " : ""}${this.door.session} · Limelight studio`;
    this.say.live(phase === "live" || (phase === "nobody" && this.mode === "steer"));
    if (phase === "live") this.card.hide();
    else this.card.show(problems.card(phase, { mode: this.mode, ...detail }));
    if (phase === "idle") this.#welcome();
    if (entered && phase !== "live") this.#leaveLive();
    this.#renderSettings();
  }

  async #welcome() {
    if (this.mode === "view") return;
    const config = await this.#readConfig();
    if (this.phase === "idle") this.card.note(this.#configAt > 0 ? status.serverLine(config) : "The server does not answer yet.");
  }

  /** Old numbers are not shown as if they were new. */
  #leaveLive() {
    this.recorder.pause();
    this.stats = null;
    this.waterfall.clear();
    this.captions.leave();
    status.clear();
  }

  // What the server says

  #hear(message) {
    this.settings.heard();
    const listeners = {
      hello: () => this.settings.greet(message.settings, message.made),
      settings: () => this.settings.accept(message.settings),
      stats: () => this.#onStats(reading.stats(message)),
      caption: () => this.captions.hear(reading.caption(message)),
      saying: () => this.say.hear(reading.saying(message)),
      speech: () => status.showVoice(message.state === "start", this.stats?.speech ?? null),
      publisher: () => { if (this.mode !== "studio") toast(message.state === "joined" ? "Somebody started publishing." : "The publisher left."); },
      error: () => { this.settings.refuse(); toast(reading.errorText(message), "bad"); },
    };
    if (Object.hasOwn(listeners, message.type)) listeners[message.type]();
  }

  #onStats(stats) {
    this.stats = stats;
    status.showStats(stats);
    status.showVoice(stats.speaking, stats.speech);
    this.captions.tick(stats);
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
    this.deck.cameraBusy();
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
    if (kind === "audio") this.scope.hearMic(track);
    const sender = this.link.peer?.senders[kind];
    if (sender && sender.track !== track) sender.replaceTrack(track).catch(() => {});
    this.#renderDeck();
  }

  #renderDeck() {
    const { muted, cameraIsOn, tracks } = this.devices;
    this.deck?.render({
      live: this.phase === "live", running: this.link.running, publishes: this.mode === "studio", hasMic: tracks.audio !== null,
      muted, camera: cameraIsOn, recording: this.recorder.wanted, canRecord: this.recorder.supported, clean: this.settings.get("enhance.on"),
      captions: this.captions?.on ?? false,
    });
  }

  #renderSettings() {
    for (const part of [this.controls, this.captions, this.anchor]) part?.render();
    this.#renderDeck();
  }

  #everySecond() {
    const mine = this.mode === "studio" && !this.devices.cameraIsOn;
    this.program.watch(this.phase === "live", mine ? "Sound only: your camera is off" : "Sound only: no picture is coming");
    const { peer } = this.link;
    if (this.phase === "live" && peer) this.network.read(peer.pc).then((network) => status.showNetwork(network, this.stats, this.mode === "studio")).catch(() => {});
  }

  #showRecording() {
    setHidden($("rec-sign"), !this.recorder.wanted);
    if (this.recorder.wanted) setText($("rec-time"), clock(this.recorder.seconds));
  }
}
