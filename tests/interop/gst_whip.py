"""Publishes by GStreamer's webrtcbin over WHIP, or plays over WHEP: `gst_whip.py publish|play URL SECONDS`.

A program for the system's Python, where Debian's python3-gi is. Prints `sound LEVEL` and `picture COUNT` when it plays.
"""

import sys
import urllib.error
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

PUBLISH = """
    webrtcbin name=peer bundle-policy=max-bundle
    audiotestsrc is-live=true freq=550 volume=0.3 ! audioconvert ! opusenc ! rtpopuspay pt=111 ! queue !
        application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer.
    videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=15/1 ! videoconvert ! {encoder} ! queue !
        application/x-rtp,media=video,encoding-name={name},payload=96 ! peer.
"""
H264 = (
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=15 bitrate=500 ! "
    "video/x-h264,profile=constrained-baseline ! rtph264pay pt=96 config-interval=-1 aggregate-mode=zero-latency"
)
VP8 = "vp8enc deadline=1 cpu-used=8 keyframe-max-dist=15 ! rtpvp8pay pt=96"
CAPS = {
    "audio": "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2",
    "video": "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
}


class Peer:
    """One webrtcbin and its WHIP or WHEP resource."""

    def __init__(self, mode, url):
        self.url, self.location, self.pictures, self.level = url, None, 0, -200.0
        if mode == "publish":
            has_h264 = Gst.ElementFactory.find("x264enc") is not None
            encoder, name = (H264, "H264") if has_h264 else (VP8, "VP8")
            self.pipeline = Gst.parse_launch(PUBLISH.format(encoder=encoder, name=name))
            print("codec", name, flush=True)
        else:
            self.pipeline = Gst.Pipeline()
            self.pipeline.add(Gst.ElementFactory.make("webrtcbin", "peer"))
        self.peer = self.pipeline.get_by_name("peer")
        if mode == "play":
            for caps in CAPS.values():
                self.peer.emit(
                    "add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps)
                )
            self.peer.connect("pad-added", self.play)
        self.peer.connect("on-negotiation-needed", lambda _: self.offer())
        self.peer.connect("notify::ice-gathering-state", lambda *_: self.gathered())
        self.peer.connect("notify::connection-state", self.connected)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.said)
        self.pipeline.set_state(Gst.State.PLAYING)

    def offer(self):
        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(self.offered))

    def offered(self, promise):
        promise.wait()
        reply = promise.get_reply()
        offer = reply["offer"]
        self.peer.emit("set-local-description", offer, Gst.Promise.new())

    def gathered(self):
        if self.peer.props.ice_gathering_state == GstWebRTC.WebRTCICEGatheringState.COMPLETE and not self.location:
            GLib.idle_add(self.post)

    def post(self):
        offer = self.peer.props.local_description.sdp.as_text().encode()
        request = urllib.request.Request(self.url, offer, {"Content-Type": "application/sdp"})
        try:
            with urllib.request.urlopen(request) as response:
                self.location = response.headers["Location"]
                answer = response.read()
        except urllib.error.HTTPError as error:
            sys.exit(f"{error}: {error.read().decode()}\n{offer.decode()}")
        _, sdp = GstSdp.SDPMessage.new()
        GstSdp.sdp_message_parse_buffer(answer, sdp)
        kind = GstWebRTC.WebRTCSDPType.ANSWER
        self.answer = GstWebRTC.WebRTCSessionDescription.new(kind, sdp)
        self.peer.emit("set-remote-description", self.answer, Gst.Promise.new())
        return False

    def connected(self, *_):
        print("connection", self.peer.props.connection_state.value_nick, flush=True)

    def play(self, _peer, pad):
        sound = "audio" in pad.get_current_caps().to_string()
        chain = (
            "rtpopusdepay ! opusdec ! level interval=500000000 ! fakesink sync=false"
            if sound
            else "rtpvp8depay ! vp8dec ! identity name=eye signal-handoffs=true ! fakesink sync=false"
        )
        sink = Gst.parse_bin_from_description("queue ! " + chain, True)
        self.pipeline.add(sink)
        if not sound:
            sink.get_by_name("eye").connect("handoff", self.saw)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def saw(self, *_):
        self.pictures += 1

    def said(self, _bus, message):
        if message.type == Gst.MessageType.ERROR:
            print("error", message.parse_error(), flush=True)
        structure = message.get_structure()
        if structure is not None and structure.get_name() == "level":
            self.level = max(self.level, structure.get_value("rms")[0])

    def end(self):
        if self.location:
            base = "/".join(self.url.split("/")[:3])
            urllib.request.urlopen(urllib.request.Request(base + self.location, method="DELETE"))
        self.pipeline.set_state(Gst.State.NULL)


def main(mode, url, seconds):
    Gst.init(None)
    loop = GLib.MainLoop()
    peer = Peer(mode, url)
    GLib.timeout_add(int(1000 * seconds), loop.quit)
    loop.run()
    peer.end()
    if mode == "play":
        print("sound", peer.level)
        print("picture", peer.pictures)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
