"""A client for benchmarks: an aiortc peer that talks, hears itself come back, and knows when each sample was where."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from fractions import Fraction

import av
import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

RATE, FRAME = 48_000, 960


def talker(seconds: float, seed: int = 0) -> np.ndarray:
    """Something like a voice: syllables of a buzz with moving formants. Deterministic, `[T]` f32."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    pitch = 120 + 25 * np.sin(2 * np.pi * 0.7 * t) + 10 * np.sin(2 * np.pi * 2.3 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    centres = 500 + 250 * np.sin(2 * np.pi * 1.9 * t), 1500 + 500 * np.sin(2 * np.pi * 1.3 * t + 1)
    voice = sum(np.sin(k * phase) * sum(np.exp(-(((k * pitch - c) / 180) ** 2)) for c in centres) for k in range(1, 25))
    knots = np.arange(0, seconds + 1, 0.11)
    syllables = np.clip(np.interp(t, knots, rng.uniform(-0.3, 1, len(knots))), 0, 1)
    sound = voice * syllables
    return np.asarray(0.3 * sound / np.abs(sound).max(), np.float32)


class Talk(MediaStreamTrack):
    """Sends `sound` in real time; `captured[k]` is when the last sample of frame k existed (monotonic seconds)."""

    kind = "audio"

    def __init__(self, sound: np.ndarray) -> None:
        super().__init__()
        self.sound, self.captured = sound, []
        self._start: float | None = None

    async def recv(self) -> av.AudioFrame:
        index = len(self.captured)
        now = time.monotonic()
        self._start = now - FRAME / RATE if self._start is None else self._start
        due = self._start + (index + 1) * FRAME / RATE
        await asyncio.sleep(max(0.0, due - now))
        self.captured.append(due)
        part = self.sound[index * FRAME : (index + 1) * FRAME]
        part = np.pad(part, (0, FRAME - len(part)))
        frame = av.AudioFrame.from_ndarray((part * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, index * FRAME, Fraction(1, RATE)
        return frame


class Scene(MediaStreamTrack):
    """A moving picture, 640×360 at 30 frames a second."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._index, self._start = 0, time.monotonic()
        self._still = np.random.default_rng(1).integers(0, 255, (360, 1280), np.uint8) // 4 + 90

    async def recv(self) -> av.VideoFrame:
        await asyncio.sleep(max(0.0, self._start + self._index / 30 - time.monotonic()))
        shift = self._index * 4 % 640
        grey = np.ascontiguousarray(self._still[:, shift : shift + 640])
        frame = av.VideoFrame.from_ndarray(np.concatenate([grey, np.full((180, 640), 128, np.uint8)]), format="yuv420p")
        frame.pts, frame.time_base = self._index * 3000, Fraction(1, 90_000)
        self._index += 1
        return frame


@dataclass
class Heard:
    """What came back: samples, and when each frame of them was handed over."""

    frames: list[np.ndarray] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def listen(self, track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            if track.kind == "audio":
                self.times.append(time.monotonic())
                samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels)).mean(1)
                self.frames.append(np.asarray(samples / 32768, np.float32))


@dataclass
class Peer:
    """One talking and listening connection."""

    url: str
    talk: Talk
    picture: bool
    heard: Heard = field(default_factory=Heard)

    async def run(self, seconds: float) -> None:
        pc = RTCPeerConnection(RTCConfiguration([]))
        pc.addTrack(self.talk)
        if self.picture:
            pc.addTrack(Scene())
        listeners: list[asyncio.Task[None]] = []
        pc.on("track", lambda track: listeners.append(asyncio.create_task(self.heard.listen(track))))
        try:
            await pc.setLocalDescription(await pc.createOffer())
            offer = {"sdp": pc.localDescription.sdp, "type": "offer"}
            async with httpx.AsyncClient(timeout=60) as client:
                answer = (await client.post(self.url, json=offer)).raise_for_status().json()
            await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
            await asyncio.sleep(seconds)
        finally:
            for task in listeners:
                task.cancel()
            await pc.close()


def delays_ms(talk: Talk, heard: Heard, *, skip_s: float = 3.0) -> np.ndarray:
    """Mouth to ear of each frame heard after `skip_s`: found by correlating what came back with what was said."""
    back = np.concatenate(heard.frames)
    said = talk.sound
    begin = int(skip_s * RATE)
    window = back[begin : begin + 4 * RATE]
    if len(window) < 2 * RATE:
        raise RuntimeError(f"only {len(back) / RATE:.1f} s of sound came back: the machine is too busy to measure")
    size = 1 << (len(said) + len(window) - 1).bit_length()
    match = np.fft.irfft(np.fft.rfft(said, size) * np.conj(np.fft.rfft(window, size)), size)
    shift = int(np.argmax(np.abs(match[: len(said)]))) - begin  # said[n + shift] == back[n]
    ends = np.cumsum([len(frame) for frame in heard.frames])
    pairs = [(end, at) for end, at in zip(ends, heard.times, strict=True) if begin < end <= begin + 4 * RATE]
    captured = np.interp([end + shift for end, _ in pairs], (np.arange(len(talk.captured)) + 1) * FRAME, talk.captured)
    return (np.array([at for _, at in pairs]) - captured) * 1000
