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
  const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
  const pen = canvas.getContext("2d");
  let beepsFrom = null;
  let drawn = 0;

  function draw() {
    const flash = beepsFrom !== null && context.currentTime >= beepsFrom && (context.currentTime - beepsFrom) % 1 < FLASH_S;
    pen.fillStyle = flash ? "#fff" : "#222";
    pen.fillRect(0, 0, 320, 180);
    pen.fillStyle = "#888";
    pen.fillRect((drawn += 4) % 320, 150, 40, 20);
  }
  setInterval(draw, 1000 / PICTURES_A_SECOND);
  draw();

  let worklet = null;
  const tapReady = () => (worklet ??= context.audioWorklet.addModule("/static/tap.js"));

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
    camera: canvas.captureStream(PICTURES_A_SECOND),
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

    /** Two readings of the page's and the sound's clock, to tell one's time in the other's. */
    clocks() {
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      return { sound: contextTime, page: performanceTime };
    },
  };

  navigator.mediaDevices.getUserMedia = async ({ audio, video }) => {
    await context.resume();
    const tracks = [...(audio ? microphone.stream.getAudioTracks() : []), ...(video ? fake.camera.getVideoTracks() : [])];
    return new MediaStream(tracks.map((track) => track.clone()));
  };
}
