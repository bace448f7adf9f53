"""The hooks into aiortc, over a real pair of peers on the loopback: what arrives, when, and what is left behind."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count, pairwise, takewhile
from typing import Any

import numpy as np
import pytest
from aiortc import RTCPeerConnection, RTCRtpReceiver, RTCRtpSender
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport
from aiortc.rtcicetransport import RTCIceGatherer, RTCIceTransport
from aiortc.rtp import RtpPacket

from streamer.channel import Channel, Overflow
from streamer.clock import PICTURE_SLEW, SOUND_SLEW, MediaClock, OutputClock, PublisherClock, TrackClock
from streamer.frame import PICTURE_HZ, SOUND_HZ, AudioFrame, Sound, VideoFrame
from streamer.transports.codecs import Encoded, PictureEncoder, SoundEncoder
from streamer.transports.rtp import (
    RECEIVER_INTERNALS,
    SENDER_INTERNALS,
    prefer_codec,
    receive_picture,
    receive_sound,
    send_encoded,
)
from tests.h264 import H264PictureEncoder

PACKET = 960


def tone(start: int, n: int, channels: int = 1) -> Sound:
    """440 Hz whose phase says which sample it is."""
    wave = 0.5 * np.sin(2 * np.pi * 440.0 / SOUND_HZ * np.arange(start, start + n))
    return np.tile(wave.astype(np.float32), (channels, 1))


def picture(number: int) -> VideoFrame:
    """A frame whose brightness says which one it is."""
    y = np.full((120, 160), 40 + 8 * (number % 20), np.uint8)
    grey = np.full((60, 80), 128, np.uint8)
    return VideoFrame(number * 3000, y, grey, grey, arrival=time.monotonic())


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


async def connect(sender: RTCPeerConnection, receiver: RTCPeerConnection, codec: str = "VP8") -> None:
    await sender.setLocalDescription(await sender.createOffer())
    await receiver.setRemoteDescription(sender.localDescription)
    for transceiver in receiver.getTransceivers():
        assert prefer_codec(transceiver, codec) == (codec if transceiver.kind == "video" else "opus")
    await receiver.setLocalDescription(await receiver.createAnswer())
    await sender.setRemoteDescription(receiver.localDescription)


async def until(condition: Callable[[], bool], limit_s: float = 5.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.01)


async def play_sound(channel: Channel[Encoded], clock: MediaClock, done: Callable[[], bool], channels: int) -> None:
    """A live source: captured now, sent when captured."""
    encoder = SoundEncoder(channels)
    first = clock.pts(time.monotonic(), SOUND_HZ)
    for start in takewhile(lambda _: not done(), count(first, PACKET)):
        due = clock.start + (start + PACKET) / SOUND_HZ
        await asyncio.sleep(max(due - time.monotonic(), 0))
        for item in encoder.encode(AudioFrame(start, tone(start, PACKET, channels), arrival=due)):
            channel.offer(item)


async def play_pictures(
    channel: Channel[Encoded],
    clock: MediaClock,
    done: Callable[[], bool],
    wanted: list[bool],
    encoder: PictureEncoder | H264PictureEncoder,
    *,
    late_s: float,
) -> None:
    first = clock.pts(time.monotonic(), PICTURE_HZ) // 3000
    for i in takewhile(lambda _: not done(), count(first)):
        await asyncio.sleep(max(clock.start + i / 30 + late_s - time.monotonic(), 0))
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


class Spy(TrackClock):
    """A track's clock that keeps what it was told and what it said."""

    def __init__(self, publisher: PublisherClock, rate: int, *, slew: float) -> None:
        super().__init__(publisher, rate, slew=slew)
        self.reports: list[tuple[int, int]] = []
        self.frames: list[tuple[int, int]] = []
        self.reported = 0.0  # when the first report came

    def report(self, ntp: int, timestamp: int) -> None:
        self.reports.append((ntp, timestamp))
        self.reported = self.reported or time.monotonic()
        super().report(ntp, timestamp)

    def pts(self, extended: int) -> int:
        pts = super().pts(extended)
        self.frames.append((extended, pts))
        return pts

    def errors_s(self, origin: int) -> list[float]:
        """Session time minus the time of capture, for each frame of the last second."""
        sent = [(extended - origin) & 0xFFFFFFFF for extended, _ in self.frames]
        errors = [(pts - at) / self.rate for (_, pts), at in zip(self.frames, sent, strict=True)]
        return [error for error, at in zip(errors, sent, strict=True) if at > sent[-1] - self.rate]


class Call:
    """A call from `here` to `there`: live sound and picture, the picture 80 ms late on its way."""

    def __init__(self, *, channels: int = 1, codec: str = "VP8") -> None:
        self.here, self.there = Side(3.0), Side(7.0)
        self.channels, self.codec = channels, codec
        self.sound: Channel[Encoded] = Channel(20, Overflow.DROP_OLDEST)
        self.picture: Channel[Encoded] = Channel(20, Overflow.DROP_OLDEST)
        self.heard: list[AudioFrame] = []
        self.seen: list[tuple[float, VideoFrame]] = []
        self.wanted: list[bool] = []
        self.lost: list[float] = []
        self.sound_clock = Spy(self.there.publisher, SOUND_HZ, slew=SOUND_SLEW)
        self.picture_clock = Spy(self.there.publisher, PICTURE_HZ, slew=PICTURE_SLEW)

    async def last(
        self, seconds: float, *, drop: Callable[[], bool] = lambda: False, done: Callable[[], bool] = lambda: True
    ) -> None:
        """A call of so many seconds, or until it is `done` if that takes longer."""
        async with peers("audio", "video") as (sender, receiver):
            sound_in, picture_in = receiver.getReceivers()
            self.hearing = receive_sound(sound_in, self.sound_clock, self.heard.append)
            self.seeing = receive_picture(picture_in, self.picture_clock, self._see)
            sound_out, picture_out = sender.getSenders()
            self.speaking = send_encoded(sound_out, self.sound, self.here.out)
            self.showing = send_encoded(
                picture_out, self.picture, self.here.out, request_keyframe=self._want, lost=self.lost.append
            )
            lose_packets(sound_in, drop)
            lose_packets(picture_in, drop)
            await connect(sender, receiver, self.codec)
            await until(lambda: receiver.connectionState == sender.connectionState == "connected")
            await self._talk(time.monotonic() + seconds, done)
            await asyncio.sleep(0.3)
            for end in (self.speaking, self.showing, self.hearing, self.seeing):
                await end.close()

    async def _talk(self, end: float, done: Callable[[], bool]) -> None:
        def over() -> bool:
            return time.monotonic() > end and (done() or time.monotonic() > end + 10)

        encoder = PictureEncoder() if self.codec == "VP8" else H264PictureEncoder(160, 120)
        await asyncio.gather(
            play_sound(self.sound, self.here.clock, over, self.channels),
            play_pictures(self.picture, self.here.clock, over, self.wanted, encoder, late_s=0.08),
        )

    def settled(self) -> bool:
        """Both tracks have had reports for long enough."""
        return all(clock.reported > 0 and time.monotonic() > clock.reported + 2 for clock in self._clocks())

    def _clocks(self) -> tuple[Spy, Spy]:
        return self.sound_clock, self.picture_clock

    def _see(self, frame: VideoFrame) -> None:
        self.seen.append((time.monotonic(), frame))

    def _want(self) -> None:
        self.wanted.append(True)


def end_to_end(frames: list[AudioFrame]) -> bool:
    """True of all that comes after the first two seconds, in which labels may move."""
    return all(a.end == b.pts for a, b in pairwise(frames))


def lose_packets(receiver: Any, drop: Callable[[], bool]) -> None:
    inner = receiver._handle_rtp_packet

    async def lossy(packet: RtpPacket, arrival_time_ms: int) -> None:
        if not drop():
            await inner(packet, arrival_time_ms=arrival_time_ms)

    receiver._handle_rtp_packet = lossy


def reported_wall(call: Call, clock: Spy, origin: int) -> list[float]:
    """What each sender report says the wall time of our session's zero is."""
    return [
        ntp / 2**32 - OutputClock.NTP_EPOCH_S - ((timestamp - origin) & 0xFFFFFFFF) / clock.rate
        for ntp, timestamp in clock.reports
    ]


async def test_a_call_is_in_time_in_tune_and_in_step() -> None:
    call = Call()
    await call.last(4.0, done=call.settled)
    assert end_to_end(call.heard[120:])
    sound = np.concatenate([frame.samples for frame in call.heard], axis=1)[0, -48_000:]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(sound.size)))
    # A correction by 0.5 % may be under way.
    assert np.argmax(spectrum) == pytest.approx(440, abs=3)
    # Every sender report names the session's zero, for both tracks, whenever it was sent.
    origins = call.speaking._origin, call.showing._origin
    assert origins[0] is not None
    assert origins[1] is not None
    walls = [*reported_wall(call, call.sound_clock, origins[0]), *reported_wall(call, call.picture_clock, origins[1])]
    assert len(walls) >= 4
    assert np.ptp(walls) < 0.001
    # So the picture that took 80 ms longer is in step all the same.
    heard, seen = call.sound_clock.errors_s(origins[0]), call.picture_clock.errors_s(origins[1])
    assert abs(np.median(heard) - np.median(seen)) < 0.002
    assert call.hearing.stats().lost == 0
    assert np.median([at - frame.arrival for at, frame in call.seen]) < 0.1
    rtt = call.speaking.stats().rtt_s
    assert rtt is None or rtt < 0.5


async def test_reports_come_with_the_first_packets() -> None:
    call = Call()
    await call.last(0.6, done=lambda: min(len(call.sound_clock.reports), len(call.picture_clock.reports)) > 2)
    for clock in (call.sound_clock, call.picture_clock):
        ntp = [report[0] / 2**32 for report in clock.reports]
        assert ntp[1] - ntp[0] < 0.4


async def test_a_viewers_losses_are_told() -> None:
    call, packets = Call(), count()
    await call.last(0.5, drop=lambda: next(packets) % 3 == 0, done=lambda: any(share > 0.2 for share in call.lost))
    assert 0.2 < max(call.lost) < 0.6


async def test_stereo_stays_stereo_and_h264_is_seen() -> None:
    call = Call(channels=2, codec="H264")
    await call.last(0.8, done=lambda: len(call.seen) > 10)
    assert {frame.samples.shape[0] for frame in call.heard} == {2}
    assert [frame.y.mean() for _, frame in call.seen[5:10]] != [call.seen[5][1].y.mean()] * 5


async def test_a_lossy_network_is_heard_as_small_gaps_and_not_seen() -> None:
    dice, call = random.Random(4), Call()
    await call.last(2.5, drop=lambda: dice.random() < 0.05)
    assert end_to_end(call.heard[120:])
    stats = call.hearing.stats()
    assert stats.lost > 0
    # The 300 ms after its end are filled, too.
    assert stats.concealed_ms <= 20 * (stats.lost + stats.late + 3) + 320
    # Sent again where they were missed.
    assert call.seeing.stats().decoded > 20
    assert call.seeing.stats().given_up <= 1


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
