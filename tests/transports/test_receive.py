"""A track's task on its own: no aiortc, packets by hand, real codecs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from aiortc.codecs.vpx import Vp8Encoder, vp8_depayload

from streamer.channel import Closed
from streamer.clock import MediaClock, PublisherClock
from streamer.frame import PICTURE_HZ, SOUND_HZ, AudioFrame, VideoFrame
from streamer.transports.codecs import PictureEncoder, SoundEncoder
from streamer.transports.receive import PictureReceiver, Received, SoundReceiver
from streamer.transports.tasks import Alarm

PACKET = 960


def unobserved(_stage: str, _seconds: float) -> None:
    pass


async def until(condition: Callable[[], bool], limit_s: float = 5.0) -> None:
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.005)


def sound_packets(number: int, *, first: int = 0, ssrc: int = 1) -> list[Received]:
    encoder, wave = SoundEncoder(1), np.sin(2 * np.pi * np.arange(PACKET) / 240)[None].astype(np.float32)
    payloads = [encoder.encode(AudioFrame(i * PACKET, wave))[0].payload for i in range(number)]
    return [
        Received("opus", (first + i) & 0xFFFF, (first + i) * PACKET, True, ssrc, payload, payload, 0.0)
        for i, payload in enumerate(payloads)
    ]


@dataclass
class Ear:
    frames: list[AudioFrame] = field(default_factory=list)

    def receiver(self, *, channels: int | None = None) -> SoundReceiver:
        track = PublisherClock(MediaClock(time.monotonic())).track(SOUND_HZ)
        return SoundReceiver(track, self.frames.append, channels=channels, executor=None, observe=unobserved)


def arrive(packet: Received) -> Received:
    return Received(
        packet.codec,
        packet.seq,
        packet.timestamp,
        packet.marker,
        packet.ssrc,
        packet.payload,
        packet.body,
        time.monotonic(),
    )


async def play(receiver: SoundReceiver, packets: list[Received]) -> None:
    for packet in packets:
        receiver.take(arrive(packet))
        await asyncio.sleep(0.02)


async def test_a_lost_packet_is_filled_in_time() -> None:
    ear = Ear()
    receiver = ear.receiver()
    packets = sound_packets(12)
    await play(receiver, packets[:5] + packets[6:])
    await receiver.close()
    assert any(frame.gap for frame in ear.frames)
    assert all(abs(a.end - b.pts) <= 480 for a, b in pairwise(ear.frames))
    assert receiver.stats().lost >= 1
    assert np.abs(np.diff(np.concatenate([frame.samples for frame in ear.frames[1:]], axis=1))).max() < 0.15


async def test_a_loop_that_was_busy_takes_in_what_has_waited() -> None:
    order: list[str] = []

    async def datagram() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        order.append("packet")

    task = asyncio.create_task(datagram())
    await Alarm().wait(time.monotonic() - 0.1)
    order.append("deadline")
    await task
    assert order == ["packet", "deadline"]


async def test_junk_is_left_out() -> None:
    ear = Ear()
    receiver = ear.receiver(channels=2)
    good, *rest = sound_packets(6)
    junk = [
        Received("PCMU", 0, 0, False, 1, b"1234", b"1234", 0.0),
        Received("opus", 0, 0, False, 1, b"", b"", 0.0),
        Received("opus", 1, PACKET, False, 1, b"\xff\xff\xff\xff", b"\xff\xff\xff\xff", 0.0),
    ]
    await play(receiver, [good, *junk, *rest])
    await receiver.close()
    assert {frame.samples.shape[0] for frame in ear.frames} == {2}
    assert len(ear.frames) >= 5


async def test_a_restarted_sender_goes_on_where_it_was() -> None:
    ear = Ear()
    receiver = ear.receiver()
    await play(receiver, sound_packets(10) + sound_packets(10, first=30_000, ssrc=2))
    await receiver.close()
    assert all(a.pts < b.pts for a, b in pairwise(ear.frames))
    assert receiver.stats().restarts == 1
    assert ear.frames[-1].pts > 12 * PACKET
    assert not all(frame.gap for frame in ear.frames[-8:])


async def test_what_the_sink_raises_ends_the_track_and_reaches_its_owner() -> None:
    def full(_frame: AudioFrame) -> None:
        raise Closed

    track = PublisherClock(MediaClock(0.0)).track(SOUND_HZ)
    receiver = SoundReceiver(track, full, channels=1, executor=None, observe=unobserved)
    await play(receiver, sound_packets(2))
    await asyncio.wait_for(receiver.ended.wait(), 1.0)
    receiver.take(arrive(sound_packets(1)[0]))
    with pytest.raises(Closed):
        await receiver.close()


@dataclass
class Feedback:
    asked_again: list[int] = field(default_factory=list)
    keys: int = 0

    async def ask_again(self, lost: list[int]) -> None:
        self.asked_again += lost

    async def ask_for_key(self) -> None:
        self.keys += 1


class Sender:
    """VP8 in packets, as aiortc splits them."""

    def __init__(self) -> None:
        self._encoder, self._number, self._seq = PictureEncoder(bitrate_bps=3_000_000), 0, 0
        self._noise = np.random.default_rng(0)

    def picture(self, *, key: bool = False) -> list[Received]:
        y = self._noise.integers(0, 255, (120, 160), np.uint8)
        grey = np.full((60, 80), 128, np.uint8)
        (encoded,) = self._encoder.encode(VideoFrame(self._number * 3000, y, grey, grey), key=key)
        payloads = Vp8Encoder._packetize(encoded.payload, self._number)
        packets = [self._packet(payload, payload is payloads[-1]) for payload in payloads]
        self._number += 1
        return packets

    def _packet(self, payload: bytes, last: bool) -> Received:
        self._seq += 1
        body = vp8_depayload(payload)
        return Received("VP8", self._seq & 0xFFFF, self._number * 3000, last, 5, payload, body, time.monotonic())


@dataclass
class Eye:
    feedback: Feedback = field(default_factory=Feedback)
    frames: list[VideoFrame] = field(default_factory=list)

    def receiver(self, executor: ThreadPoolExecutor | None = None) -> PictureReceiver:
        track = PublisherClock(MediaClock(time.monotonic())).track(PICTURE_HZ)
        return PictureReceiver(track, self.frames.append, self.feedback, executor=executor, observe=unobserved)


async def test_a_lost_picture_packet_is_asked_for_and_then_a_key_picture() -> None:
    eye, sender = Eye(), Sender()
    receiver = eye.receiver()
    for packet in sender.picture():
        receiver.take(packet)
    await until(lambda: len(eye.frames) == 1)
    lost, *rest = sender.picture()
    assert rest
    for packet in rest:
        receiver.take(packet)
    await until(lambda: eye.feedback.asked_again.count(lost.seq) >= 2)
    await until(lambda: eye.feedback.keys >= 1)
    for packet in [*sender.picture(), *sender.picture(key=True)]:
        receiver.take(packet)
    await until(lambda: len(eye.frames) == 2)
    await receiver.close()
    assert receiver.stats().given_up == 1


async def test_a_decoder_that_falls_behind_skips_to_a_key_picture() -> None:
    eye, sender, gate = Eye(), Sender(), threading.Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(gate.wait)
        receiver = eye.receiver(executor)
        for _ in range(30):
            for packet in sender.picture():
                receiver.take(packet)
            await asyncio.sleep(0)
        await until(lambda: eye.feedback.keys == 1)
        gate.set()
        for packet in sender.picture(key=True):
            receiver.take(packet)
        await until(lambda: bool(eye.frames))
        await receiver.close()
    assert receiver.stats().dropped > 8
    assert receiver.stats().decoded == 2  # the one that was under way, and the key picture


async def test_a_picture_that_cannot_be_decoded_asks_for_a_key() -> None:
    eye, sender = Eye(), Sender()
    receiver = eye.receiver()
    head = bytes([0x10]) + b"\x00" * 20
    receiver.take(Received("VP8", 0, 0, True, 5, head, head[1:], time.monotonic()))
    await until(lambda: eye.feedback.keys >= 1)
    for packet in sender.picture():
        receiver.take(packet)
    await until(lambda: len(eye.frames) == 1)
    await receiver.close()
