"""The hooks into aiortc, over a real pair of peers on the loopback: what arrives, when, and what is left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport

from streamer.channel import Channel, Overflow
from streamer.clock import MediaClock, OutputClock, PublisherClock
from streamer.frame import PICTURE_HZ, SOUND_HZ, AudioFrame, Sound, VideoFrame
from streamer.transports.codecs import Encoded, PictureEncoder, SoundEncoder
from streamer.transports.rtp import (
    RECEIVER_INTERNALS,
    SENDER_INTERNALS,
    receive_picture,
    receive_sound,
    send_encoded,
)

PACKET = 960


def tone(start: int, n: int, channels: int = 1) -> Sound:
    """440 Hz whose phase says which sample it is."""
    wave = 0.5 * np.sin(2 * np.pi * 440.0 / SOUND_HZ * np.arange(start, start + n))
    return np.tile(wave.astype(np.float32), (channels, 1))


def picture(count: int) -> VideoFrame:
    """A frame whose brightness says which one it is."""
    y = np.full((120, 160), 40 + 8 * (count % 20), np.uint8)
    grey = np.full((60, 80), 128, np.uint8)
    return VideoFrame(count * 3000, y, grey, grey, arrival=time.monotonic())


@asynccontextmanager
async def peers(*kinds: str) -> AsyncIterator[tuple[RTCPeerConnection, RTCPeerConnection]]:
    """A sending and a receiving peer, not connected yet."""
    sender, receiver = RTCPeerConnection(), RTCPeerConnection()
    for kind in kinds:
        sender.addTransceiver(kind, direction="sendonly")
        receiver.addTransceiver(kind, direction="recvonly")
    try:
        yield sender, receiver
    finally:
        await asyncio.gather(sender.close(), receiver.close())


async def connect(sender: RTCPeerConnection, receiver: RTCPeerConnection) -> None:
    await sender.setLocalDescription(await sender.createOffer())
    await receiver.setRemoteDescription(sender.localDescription)
    await receiver.setLocalDescription(await receiver.createAnswer())
    await sender.setRemoteDescription(receiver.localDescription)


async def until(condition: Callable[[], bool], limit_s: float = 5.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.01)


async def play_sound(channel: Channel[Encoded], clock: MediaClock, packets: int, channels: int = 1) -> None:
    """A live source: captured now, sent when captured."""
    encoder = SoundEncoder(channels)
    first = clock.pts(time.monotonic(), SOUND_HZ)
    for count in range(packets):
        start = first + count * PACKET
        due = clock.start + (start + PACKET) / SOUND_HZ
        await asyncio.sleep(max(due - time.monotonic(), 0))
        for item in encoder.encode(AudioFrame(start, tone(start, PACKET, channels), arrival=due)):
            channel.offer(item)


async def play_pictures(channel: Channel[Encoded], clock: MediaClock, count: int, wanted: list[bool]) -> None:
    encoder = PictureEncoder("VP8", bitrate_bps=500_000)
    first = clock.pts(time.monotonic(), PICTURE_HZ) // 3000
    for i in range(first, first + count):
        await asyncio.sleep(max(clock.start + i / 30 - time.monotonic(), 0))
        for item in encoder.encode(picture(i), key=bool(wanted)):
            channel.offer(item)
        wanted.clear()


class Side:
    """One side's clocks: sessions begin at different times on both."""

    def __init__(self, ago: float) -> None:
        self.clock = MediaClock(time.monotonic() - ago)
        self.out = OutputClock(self.clock, time.time() - ago)
        self.publisher = PublisherClock(self.clock)


def test_the_internals_are_still_there() -> None:
    transport = RTCDtlsTransport(RTCIceTransport(RTCIceGatherer()), [RTCCertificate.generateCertificate()])

    async def check() -> None:
        receiver, sender = RTCRtpReceiver("video", transport), RTCRtpSender("video", transport)
        assert [name for name in RECEIVER_INTERNALS if not hasattr(receiver, name)] == []
        assert [name for name in SENDER_INTERNALS if not hasattr(sender, name)] == []

    asyncio.run(check())


@pytest.mark.parametrize("channels", [1, 2])
async def test_sound_arrives_whole_in_time_and_in_tune(channels: int) -> None:
    here, there = Side(3.0), Side(7.0)
    heard: list[AudioFrame] = []
    source: Channel[Encoded] = Channel(20, Overflow.DROP_OLDEST)
    async with peers("audio") as (sender, receiver):
        track = receive_sound(receiver.getReceivers()[0], there.publisher.track(SOUND_HZ), heard.append)
        sending = send_encoded(sender.getSenders()[0], source, here.out)
        await connect(sender, receiver)
        await until(lambda: receiver.connectionState == "connected" and sender.connectionState == "connected")
        await play_sound(source, here.clock, 80, channels)
        await until(lambda: len(heard) >= 75)
        await sending.close()
        await track.close()
    assert {frame.samples.shape[0] for frame in heard} == {channels}
    assert all(b.pts == a.end for a, b in zip(heard, heard[1:], strict=False))
    sound = np.concatenate([frame.samples for frame in heard], axis=1)[0, -38400:]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    # A correction by 0.5 % may be under way.
    assert np.argmax(spectrum) * SOUND_HZ / sound.size == pytest.approx(440.0, abs=2.5)
    assert track.stats().lost == track.stats().concealed_ms == 0


async def test_pictures_arrive_as_soon_as_they_are_whole() -> None:
    here, there = Side(3.0), Side(7.0)
    seen: list[tuple[float, VideoFrame]] = []
    source: Channel[Encoded] = Channel(20, Overflow.DROP_OLDEST)
    wanted: list[bool] = []
    async with peers("video") as (sender, receiver):
        track = receive_picture(
            receiver.getReceivers()[0],
            there.publisher.track(PICTURE_HZ),
            lambda frame: seen.append((time.monotonic(), frame)),
        )
        sending = send_encoded(sender.getSenders()[0], source, here.out, request_keyframe=lambda: wanted.append(True))
        await connect(sender, receiver)
        await until(lambda: receiver.connectionState == "connected" and sender.connectionState == "connected")
        await play_pictures(source, here.clock, 45, wanted)
        await until(lambda: len(seen) >= 43)
        await sending.close()
        await track.close()
    gaps = np.diff([frame.pts for _, frame in seen])
    assert np.median(gaps) == pytest.approx(3000, abs=30)
    assert gaps.min() >= 1500
    assert np.median([at - frame.arrival for at, frame in seen]) < 0.015


def no_decoders() -> bool:
    return not any("decoder" in thread.name for thread in threading.enumerate())


async def test_nothing_is_left_behind() -> None:
    before = asyncio.all_tasks()
    side = Side(0.0)
    async with peers("audio", "video") as (sender, receiver):
        sound_in, picture_in = receiver.getReceivers()
        sound = receive_sound(sound_in, side.publisher.track(SOUND_HZ), lambda _: None)
        image = receive_picture(picture_in, side.publisher.track(PICTURE_HZ), lambda _: None)
        await connect(sender, receiver)
        await until(lambda: receiver.connectionState == "connected")
        await until(no_decoders)
        inside: Any = sound_in
        assert inside._RTCRtpReceiver__decoder_queue.qsize() <= 1
        await sound.close()
        await image.close()
    await until(lambda: asyncio.all_tasks() <= before)
