// A camera and a microphone made in the page from one clock, and one pair of detectors for what goes out and comes back.
//
//   fake.play(address)    loops a sound file into the microphone        fake.beep()   a beep and a flash every second
//   fake.hear(stream)     records sound: { frame, samples() }           fake.watch(video)   logs the pictures shown

if (navigator.mediaDevices) {
  const HZ = 48000;
  const FLASH_S = 0.15;
  const PICTURES_A_SECOND = 20;

  const context = new AudioContext({ sampleRate: HZ, latencyHint: "interactive" });
  const microphone = context.createMediaStreamDestination();
  microphone.channelCount = 1;
  const size = { width: 320, height: 180 };
  const pen = new OffscreenCanvas(size.width, size.height).getContext("2d", { willReadFrequently: true });
  // Pictures are made, not captured from the screen: a page that is slow to draw itself still has a steady camera.
  const camera = new MediaStreamTrackGenerator({ kind: "video" });
  const pictures = camera.writable.getWriter();
  let beepsFrom = null;
  let drawn = 0;

  function draw() {
    const now = context.currentTime;
    const flash = beepsFrom !== null && now >= beepsFrom && (now - beepsFrom) % 1 < FLASH_S;
    pen.fillStyle = flash ? "#fff" : "#222";
    pen.fillRect(0, 0, size.width, size.height);
    pen.fillStyle = "#888";
    pen.fillRect((drawn += 4) % size.width, 150, 40, 20);
    pictures.write(new VideoFrame(pen.canvas, { timestamp: Math.round(1000 * performance.now()) })).catch(() => {});
  }
  setInterval(draw, 1000 / PICTURES_A_SECOND);

  // Tells every sample it hears, with the context's frame number of the first.
  const TAP = `
    const BATCH = 2048;
    registerProcessor("tap", class extends AudioWorkletProcessor {
      #held = new Float32Array(BATCH);
      #filled = 0;

      process([input]) {
        if (input[0]) this.#held.set(input[0], this.#filled);
        else this.#held.fill(0, this.#filled, this.#filled + 128);
        this.#filled += 128;
        if (this.#filled === BATCH) {
          this.port.postMessage({ frame: currentFrame + 128 - BATCH, sound: this.#held.slice() });
          this.#filled = 0;
        }
        return true;
      }
    });`;
  let worklet = null;
  const tapReady = () => (worklet ??= context.audioWorklet.addModule(URL.createObjectURL(new Blob([TAP], { type: "text/javascript" }))));

  function loop(buffer, at) {
    const source = new AudioBufferSourceNode(context, { buffer, loop: true });
    source.connect(microphone);
    source.start(at);
    return source;
  }

  function beepBuffer() {
    const buffer = new AudioBuffer({ length: HZ, sampleRate: HZ });
    const samples = buffer.getChannelData(0);
    for (let n = 0; n < 0.06 * HZ; n++) samples[n] = 0.5 * Math.sin((2 * Math.PI * 1000 * n) / HZ);
    return buffer;
  }

  class Recording {
    #parts = [];
    frame = null;

    add({ frame, sound }) {
      this.frame ??= frame;
      this.#parts.push(sound);
    }

    /** Little-endian 32-bit floats as base64. */
    samples() {
      return new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result.split(",")[1] ?? "");
        reader.readAsDataURL(new Blob(this.#parts));
      });
    }
  }

  window.fake = {
    context,
    camera: new MediaStream([camera]),
    microphone: microphone.stream,

    async play(address) {
      const bytes = await (await fetch(address)).arrayBuffer();
      loop(await context.decodeAudioData(bytes), 0);
    },

    beep() {
      beepsFrom = context.currentTime + 0.5;
      loop(beepBuffer(), beepsFrom);
    },

    tone(hz) {
      const tone = new OscillatorNode(context, { frequency: hz });
      tone.connect(new GainNode(context, { gain: 0.3 })).connect(microphone);
      tone.start();
    },

    async hear(stream) {
      await tapReady();
      const recording = new Recording();
      const tap = new AudioWorkletNode(context, "tap", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
      tap.port.onmessage = ({ data }) => recording.add(data);
      new MediaStreamAudioSourceNode(context, { mediaStream: stream }).connect(tap);
      return recording;
    },

    /** Each picture shown: when (ms, page clock), how bright (0…255), the count of pictures presented so far. */
    watch(video) {
      const log = [];
      const eye = new OffscreenCanvas(16, 9).getContext("2d", { willReadFrequently: true });
      const look = (now, { expectedDisplayTime, presentedFrames, rtpTimestamp }) => {
        eye.drawImage(video, 0, 0, 16, 9);
        log.push({ at: expectedDisplayTime, light: eye.getImageData(8, 2, 1, 1).data[0], count: presentedFrames, rtp: rtpTimestamp ?? null });
        video.requestVideoFrameCallback(look);
      };
      video.requestVideoFrameCallback(look);
      return log;
    },

    /** The camera as its owner sees it. */
    async mirror() {
      const video = Object.assign(document.createElement("video"), { muted: true, srcObject: this.camera });
      await video.play();
      return this.watch(video);
    },

    /** What to add to the context's time for the page's (ms), now and then: the least of them is the closest. */
    clocks() {
      const log = [];
      setInterval(() => log.push(performance.now() - 1000 * context.currentTime), 20);
      return log;
    },

    /** When each picture left the browser's network side for the page to be drawn: { rtp, at } (ms, page clock). */
    delivered(connection) {
      const log = [];
      setInterval(() => {
        for (const receiver of connection.getReceivers()) {
          const source = receiver.track.kind === "video" && receiver.getSynchronizationSources()[0];
          if (!source || log.at(-1)?.rtp === source.rtpTimestamp) continue;
          log.push({ rtp: source.rtpTimestamp, at: source.timestamp - performance.timeOrigin });
        }
      }, 5);
      return log;
    },

    /** What the browser plays when: capture time (ms, by sender reports) of the sound and the picture it plays now. */
    follow(connection) {
      const log = [];
      setInterval(async () => {
        const now = { at: performance.now() };
        for (const report of (await connection.getStats()).values()) {
          if (report.type === "inbound-rtp") now[report.kind] = report.estimatedPlayoutTimestamp ?? null;
        }
        if (now.audio && now.video) log.push(now);
      }, 250);
      return log;
    },
  };

  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    await context.resume();
    const tracks = [...(audio ? microphone.stream.getAudioTracks() : []), ...(video ? fake.camera.getVideoTracks() : [])];
    return new MediaStream(tracks.map((track) => track.clone()));
  };
}
