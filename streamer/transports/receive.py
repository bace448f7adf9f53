"""One incoming track, from RTP packets to frames on the session's clock: one task each, codecs on threads.

Knows nothing of aiortc or of sockets: rtp.py hands in `Received` packets and carries feedback back.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Protocol

from streamer.clock import TrackClock
from streamer.frame import AudioFrame, FormatError, VideoFrame
from streamer.transports.assembler import EncodedPicture, PictureAssembler, PicturePacket
from streamer.transports.codecs import PictureDecoder, SoundDecoder, planes
from streamer.transports.conceal import Aligner, Concealer
from streamer.transports.jitter import SoundGap, SoundJitterBuffer, SoundPacket
from streamer.transports.payload import opus_samples, starts_key
from streamer.transports.tasks import Alarm, OwnedTask

__all__ = ["Feedback", "Observe", "PictureReceiver", "PictureStats", "Received", "SoundReceiver", "SoundStats"]

Observe = Callable[[str, float], None]
"""Told a stage's name ("jitter", "decode", …) and the seconds it took."""

MOST_WAITING = 8  # pictures: a quarter of a second behind is not worth catching up


@dataclass(frozen=True, slots=True)
class Received:
    """An RTP packet: `payload` as it came, `body` without the codec's own RTP header."""

    codec: str
    seq: int
    timestamp: int
    marker: bool
    ssrc: int
    payload: bytes
    body: bytes
    arrival: float


class Feedback(Protocol):
    """What a receiver can tell the other side."""

    async def ask_again(self, lost: list[int]) -> None: ...
    async def ask_for_key(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SoundStats:
    """Totals, except `depth_ms`: for how long a missing packet is waited for now."""

    depth_ms: float
    received: int
    lost: int
    late: int
    concealed_ms: float
    restarts: int
    drift_ppm: float


class SoundReceiver:
    """Opus packets → jitter buffer → decoder → `sink`. `ended` is set when the other side has gone."""

    def __init__(
        self,
        clock: TrackClock,
        sink: Callable[[AudioFrame], None],
        *,
        channels: int | None,
        executor: Executor | None,
        observe: Observe,
    ) -> None:
        self._clock, self._sink, self._observe, self._executor = clock, sink, observe, executor
        self._buffer, self._alarm = SoundJitterBuffer(rate=clock.rate), Alarm()
        self._fitter = _SoundFitter(channels) if channels else None
        self._work = OwnedTask(self._run())
        self.ended = self._work.ended

    def take(self, packet: Received) -> None:
        """A packet has arrived. Anything that is not Opus is left out."""
        samples = opus_samples(packet.body) if packet.codec.lower() == "opus" else None
        if samples is None or not self._work.running:
            return
        if self._fitter is None:
            self._fitter = _SoundFitter(2 if packet.body[0] & 4 else 1)
        timestamp = self._clock.arrived(packet.timestamp, packet.arrival, packet.ssrc)
        self._buffer.push(SoundPacket(packet.seq, timestamp, samples, packet.body, packet.arrival, packet.ssrc))
        self._alarm.ring()

    def stats(self) -> SoundStats:
        buffer = self._buffer
        return SoundStats(
            depth_ms=1e3 * buffer.depth_s,
            received=buffer.received,
            lost=max(buffer.lost, 0),
            late=buffer.late,
            concealed_ms=1e3 * buffer.gap_samples / buffer.rate,
            restarts=self._clock.restarts,
            drift_ppm=self._clock.drift_ppm,
        )

    async def close(self) -> None:
        """Stop; raises what the sink raised, if that is how it ended. Idempotent."""
        await self._work.close()

    async def _run(self) -> None:
        while True:
            await self._alarm.wait(self._buffer.next_due())
            now = time.monotonic()
            items = [(item, self._clock.pts(item.timestamp)) for item in self._buffer.pop_due(now)]
            if items and self._fitter is not None:
                await self._decode(self._fitter, items, now)

    async def _decode(self, fitter: _SoundFitter, items: list[tuple[SoundPacket | SoundGap, int]], now: float) -> None:
        for item, _ in items:
            if isinstance(item, SoundPacket):
                self._observe("jitter", now - item.arrival)
        frames = await asyncio.get_running_loop().run_in_executor(self._executor, fitter.frames, items, now)
        self._observe("decode", time.monotonic() - now)
        for frame in frames:
            self._sink(frame)


class _SoundFitter:
    """What happens to a track's sound on a thread: packets and gaps become frames that meet end to end."""

    def __init__(self, channels: int) -> None:
        self._decoder, self._concealer = SoundDecoder(channels), Concealer(channels)
        self._aligner = Aligner(self._concealer)

    def frames(self, items: list[tuple[SoundPacket | SoundGap, int]], now: float) -> list[AudioFrame]:
        return [frame for item, pts in items for frame in self._aligner.align(self._frame(item, pts, now))]

    def _frame(self, item: SoundPacket | SoundGap, pts: int, now: float) -> AudioFrame:
        if isinstance(item, SoundPacket):
            try:
                return AudioFrame(pts, self._decoder.decode(item.payload), arrival=item.arrival)
            except FormatError:
                pass  # as good as lost
        return AudioFrame(pts, self._concealer.fill(item.samples), arrival=now, gap=True)


@dataclass(frozen=True, slots=True)
class PictureStats:
    """Totals. `dropped`: decoded but overtaken by a newer one; `given_up`: times a key picture had to be waited for."""

    received: int
    decoded: int
    dropped: int
    given_up: int
    restarts: int
    drift_ppm: float


class PictureReceiver:
    """VP8 or H.264 packets → whole pictures → decoder → `sink`: each picture is decoded, the newest is handed on."""

    def __init__(
        self,
        clock: TrackClock,
        sink: Callable[[VideoFrame], None],
        feedback: Feedback,
        *,
        executor: Executor | None,
        observe: Observe,
    ) -> None:
        self._clock, self._sink, self._feedback = clock, sink, feedback
        self._executor, self._observe = executor, observe
        self._assembler, self._alarm, self._ready = PictureAssembler(), Alarm(), Alarm()
        self._waiting: deque[EncodedPicture] = deque()
        self._decoder: tuple[str, PictureDecoder] | None = None
        self._codec = ""
        self._decoded = self._dropped = 0
        self._work = OwnedTask(self._run())
        self.ended = self._work.ended

    def take(self, packet: Received) -> None:
        """A packet has arrived."""
        if packet.codec not in ("VP8", "H264") or not self._work.running:
            return
        self._codec = packet.codec
        timestamp = self._clock.arrived(packet.timestamp, packet.arrival, packet.ssrc)
        key = starts_key(packet.codec, packet.payload)
        self._assembler.push(
            PicturePacket(packet.seq, timestamp, packet.marker, packet.body, packet.arrival, key, packet.ssrc)
        )
        self._alarm.ring()

    def stats(self) -> PictureStats:
        return PictureStats(
            received=self._assembler.received,
            decoded=self._decoded,
            dropped=self._dropped,
            given_up=self._assembler.given_up,
            restarts=self._clock.restarts,
            drift_ppm=self._clock.drift_ppm,
        )

    async def close(self) -> None:
        """Stop; raises what the sink raised, if that is how it ended. Idempotent."""
        await self._work.close()

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._assemble())
            tasks.create_task(self._decode())

    async def _assemble(self) -> None:
        while True:
            await self._alarm.wait(self._assembler.next_due())
            now = time.monotonic()
            self._waiting.extend(self._assembler.pop_ready(now))
            self._shed()
            if self._waiting:
                self._ready.ring()
            if lost := self._assembler.nacks(now):
                await self._feedback.ask_again(lost)
            if self._assembler.wants_key(now):
                await self._feedback.ask_for_key()

    def _shed(self) -> None:
        """A decoder that has fallen behind skips to a key picture: anything else would smear."""
        if len(self._waiting) <= MOST_WAITING:
            return
        while self._waiting and not (self._waiting[0].key and len(self._waiting) <= MOST_WAITING):
            self._waiting.popleft()
            self._dropped += 1
        if not self._waiting:
            self._assembler.wait_for_key()

    async def _decode(self) -> None:
        while True:
            while self._waiting:
                await self._decode_one(self._waiting.popleft())
            await self._ready.wait(None)

    async def _decode_one(self, picture: EncodedPicture) -> None:
        start = time.monotonic()
        self._observe("jitter", start - picture.arrival)
        loop = asyncio.get_running_loop()
        try:
            frames = await loop.run_in_executor(self._executor, self._decoder_for(self._codec).decode, picture.payload)
        except FormatError:
            self._waiting.clear()
            self._assembler.wait_for_key()
            self._alarm.ring()
            return
        self._observe("decode", time.monotonic() - start)
        self._decoded += len(frames)
        pts = self._clock.pts(picture.timestamp)
        if self._waiting:
            self._dropped += len(frames)
        elif frames:
            self._sink(planes(frames[-1], pts=pts, arrival=picture.arrival))

    def _decoder_for(self, codec: str) -> PictureDecoder:
        if self._decoder is None or self._decoder[0] != codec:
            self._decoder = (codec, PictureDecoder(codec))
        return self._decoder[1]
