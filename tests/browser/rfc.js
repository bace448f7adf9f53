// A WHIP publisher and a WHEP player written from the RFC and the draft alone: trickling, ETag, DELETE.

window.rfc = {
  async begin(url, prepare) {
    const pc = new RTCPeerConnection();
    const late = [];
    let send = (candidate) => late.push(candidate);
    pc.onicecandidate = ({ candidate }) => { if (candidate?.candidate) send(candidate); };
    const stream = prepare(pc);
    await pc.setLocalDescription();
    const response = await fetch(url, { method: "POST", headers: { "Content-Type": "application/sdp" }, body: pc.localDescription.sdp });
    if (response.status !== 201) throw new Error(`${response.status}: ${await response.text()}`);
    const at = new URL(response.headers.get("Location"), url).href;
    const tag = response.headers.get("ETag");
    const [ufrag] = pc.localDescription.sdp.match(/a=ice-ufrag:\S+/);
    const [pwd] = pc.localDescription.sdp.match(/a=ice-pwd:\S+/);
    const trickled = [];
    send = async ({ candidate, sdpMid }) => {
      const body = `${ufrag}\r\n${pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:${sdpMid}\r\na=${candidate}\r\n`;
      const headers = { "Content-Type": "application/trickle-ice-sdpfrag", ...(tag ? { "If-Match": tag } : {}) };
      trickled.push((await fetch(at, { method: "PATCH", headers, body })).status);
    };
    await pc.setRemoteDescription({ type: "answer", sdp: await response.text() });
    await Promise.all(late.map(send));
    return { pc, stream, trickled, end: async () => { pc.close(); return (await fetch(at, { method: "DELETE" })).status; } };
  },

  publish(url) {
    return this.begin(url, (pc) => {
      for (const stream of [fake.microphone, fake.camera]) {
        for (const track of stream.getTracks()) {
          const { sender } = pc.addTransceiver(track, { direction: "sendonly" });
          if (track.kind === "video") this.prefer(pc, sender, "video/H264");
        }
      }
    });
  },

  prefer(pc, sender, mimeType) {
    const known = RTCRtpSender.getCapabilities("video").codecs;
    const first = known.filter((codec) => codec.mimeType === mimeType);
    if (first.length) pc.getTransceivers().find((each) => each.sender === sender).setCodecPreferences(first);
  },

  play(url) {
    return this.begin(url, (pc) => {
      for (const kind of ["audio", "video"]) pc.addTransceiver(kind, { direction: "recvonly" });
      const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
      document.body.append(video);
      video.srcObject = new MediaStream(pc.getReceivers().map(({ track }) => track));
      return video.srcObject;
    });
  },

  async received(pc) {
    const found = {};
    const reports = await pc.getStats();
    for (const report of reports.values()) {
      if (report.type !== "inbound-rtp") continue;
      found[report.kind] = { packets: report.packetsReceived, pictures: report.framesDecoded ?? 0 };
    }
    return found;
  },
};
