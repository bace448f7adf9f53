"""Mouth to ear through a relay, on the loopback: our RTP layer (decode, encode again, send) against bare aiortc.

A peer sends a click every half second; a relay in the middle receives the
track and sends it on; a listener, the same in both runs, notes when each click comes out of its decoder. The listener
takes packets as they come, so what is measured is the way there and the relay.
"""

from __future__ import annotations

import argparse
import asyncio
import fractions
import time
from collections.abc import Awaitable, Callable, Sequence

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection

from streamer.channel import Channel, Overflow
from streamer.clock import MediaClock, OutputClock, PublisherClock
from streamer.frame import SOUND_HZ, AudioFrame
from streamer.transports.codecs import Encoded, SoundEncoder
from streamer.transports.rtp import receive_sound, send_encoded
from tests.bench._table import show

PACKET = 960
CLICK_EVERY = SOUND_HZ // 2
Wire = Callable[[RTCPeerConnection, RTCPeerConnection], Awaitable[None]]


class Clicks(MediaStreamTrack):
    """A live microphone: each packet is ready when its last sample has been captured; notes when clicks were."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.captured: list[float] = []
        self._sent = 0
        self._start = 0.0

    async def recv(self) -> av.AudioFrame:
        self._start = self._start or time.monotonic()
        samples = np.zeros((1, PACKET), np.int16)
        if self._sent % CLICK_EVERY == 0:
            samples[0, 480:520] = 20_000
            self.captured.append(self._start + (self._sent + 480) / SOUND_HZ)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_HZ, self._sent, fractions.Fraction(1, SOUND_HZ)
        self._sent += PACKET
        await asyncio.sleep(max(self._start + self._sent / SOUND_HZ - time.monotonic(), 0))
        return frame


class Ear:
    """Notes when the click in a frame came out: the frame's end is now, the click as much earlier as it lies before."""

    def __init__(self) -> None:
        self.heard: list[float] = []

    def hear(self, frame: AudioFrame) -> None:
        loud = np.flatnonzero(np.abs(frame.samples[0]) > 0.2)
        now = time.monotonic()
        if loud.size and (not self.heard or now - self.heard[-1] > 0.2):
            self.heard.append(now - (frame.samples.shape[1] - loud[0]) / SOUND_HZ)


async def join(sender: RTCPeerConnection, receiver: RTCPeerConnection) -> None:
    await sender.setLocalDescription(await sender.createOffer())
    await receiver.setRemoteDescription(sender.localDescription)
    await receiver.setLocalDescription(await receiver.createAnswer())
    await sender.setRemoteDescription(receiver.localDescription)


async def relay_ours(incoming: RTCPeerConnection, outgoing: RTCPeerConnection) -> None:
    clock = MediaClock(time.monotonic())
    encoder, source = SoundEncoder(1), Channel[Encoded](20, Overflow.DROP_OLDEST)

    def onward(frame: AudioFrame) -> None:
        for packet in encoder.encode(frame):
            source.offer(packet)

    receive_sound(incoming.getReceivers()[0], PublisherClock(clock).track(SOUND_HZ), onward, channels=1)
    send_encoded(outgoing.getSenders()[0], source, OutputClock(clock, time.time()))


async def relay_aiortc(incoming: RTCPeerConnection, outgoing: RTCPeerConnection) -> None:
    incoming.on("track", outgoing.getSenders()[0].replaceTrack)


async def measure(wire: Wire, seconds: float) -> list[float]:
    mouth, relay_in, relay_out, ear = (RTCPeerConnection(RTCConfiguration([])) for _ in range(4))
    clicks, listener = Clicks(), Ear()
    mouth.addTrack(clicks)
    relay_out.addTransceiver("audio", direction="sendonly")
    relay_in.addTransceiver("audio", direction="recvonly")
    ear.addTransceiver("audio", direction="recvonly")
    await wire(relay_in, relay_out)
    track = PublisherClock(MediaClock(time.monotonic())).track(SOUND_HZ)
    listening = receive_sound(ear.getReceivers()[0], track, listener.hear, channels=1)
    await join(relay_out, ear)
    await join(mouth, relay_in)
    await asyncio.sleep(seconds)
    await listening.close()
    for peer in (mouth, relay_in, relay_out, ear):
        await peer.close()
    return [heard - max(at for at in clicks.captured if at < heard) for heard in listener.heard[2:]]


async def compare(seconds: float) -> list[dict[str, str | float]]:
    rows: list[dict[str, str | float]] = []
    for name, wire in {"ours": relay_ours, "aiortc": relay_aiortc}.items():
        delays = 1e3 * np.array(await measure(wire, seconds))
        p50, p95 = np.percentile(delays, (50, 95))
        rows.append({"relay": name, "clicks": str(delays.size), "mouth to ear p50 ms": p50, "p95 ms": p95})
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="limelight bench rtp", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0, help="of clicks through each relay")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    show(asyncio.run(compare(given.seconds)), title="The RTP layer alone, on loopback", as_json=given.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
