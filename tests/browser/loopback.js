// A server inside the page, for tests of the page alone: answers its offers with a second RTCPeerConnection that sends
// back what it gets, and speaks the events of docs/protocol.md. `far.kick(how)` loses the connection: "events" closes
// the channel, "bye" says goodbye, "remade" also forgets the session's settings and starts its clock again.

const DEFAULTS = {
  enhance: { on: true, strength: 1 }, level: { on: false, target_lufs: -18 },
  limiter: { on: true, ceiling_db: -1 }, picture: { bitrate_kbps: 2500 },
};

window.far = {
  settings: structuredClone(DEFAULTS), born: performance.now(), pc: null, channel: null, taken: [], made: 0,

  say(message) {
    if (this.channel?.readyState === "open") this.channel.send(JSON.stringify(message));
  },

  hear({ type, settings }) {
    if (type !== "set") return;
    for (const [stage, part] of Object.entries(settings)) Object.assign(this.settings[stage], part);
    this.say({ type: "settings", settings: this.settings });
  },

  kick(how) {
    if (how === "bye") this.say({ type: "bye", reason: "the server is closing" });
    if (how === "remade") {
      this.settings = structuredClone(DEFAULTS);
      this.born = performance.now();
    }
    if (how !== "bye") this.channel.close();
  },

  async answer({ sdp, takes_over }) {
    this.pc?.close();
    this.taken.push(takes_over ?? null);
    this.made += 1;
    const pc = this.pc = new RTCPeerConnection();
    pc.ontrack = ({ track, transceiver }) => {
      transceiver.direction = "sendrecv";
      transceiver.sender.replaceTrack(track);
    };
    pc.ondatachannel = ({ channel }) => {
      this.channel = channel;
      channel.onmessage = ({ data }) => this.hear(JSON.parse(data));
      this.say({ type: "hello", version: 1, session: "studio", made: `s${this.born}`, id: `c${this.made}`, settings: this.settings });
      this.say({ type: "something new", x: null });
      channel.send("not JSON");
    };
    await pc.setRemoteDescription({ type: "offer", sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    await new Promise((resolve) => {
      const check = () => { if (pc.iceGatheringState === "complete") resolve(); };
      pc.onicegatheringstatechange = check;
      check();
    });
    return { sdp: pc.localDescription.sdp, type: "answer", id: `c${this.made}` };
  },
};

setInterval(() => far.say({ type: "stats", time_s: (performance.now() - far.born) / 1000, stages: [{ name: "enhance", p50_ms: null }] }), 200);

const send = window.fetch;
window.fetch = async (url, options) =>
  String(url).endsWith("/offer") ? Response.json(await far.answer(JSON.parse(options.body))) : send(url, options);
