"""A small aiortc client for tests: publishes a tone and a picture, and says what it hears and sees."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from fractions import Fraction

import av
import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

__all__ = ["Call", "calling", "offer_of"]

HZ = 48_000
PACKET = 960


class Tone(MediaStreamTrack):
    """A sine in real time."""

    kind = "audio"

    def __init__(self, hz: float) -> None:
        super().__init__()
        self._hz, self._count, self._start = hz, 0, 0.0

    async def recv(self) -> av.AudioFrame:
        now = asyncio.get_running_loop().time()
        self._start = self._start or now
        await asyncio.sleep(max(0.0, self._start + self._count * PACKET / HZ - now))
        at = np.arange(self._count * PACKET, (self._count + 1) * PACKET)
        wave = (8000 * np.sin(2 * np.pi * self._hz / HZ * at)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = HZ, self._count * PACKET, Fraction(1, HZ)
        self._count += 1
        return frame


class Noise(MediaStreamTrack):
    """Pictures of noise, 15 a second: each takes many packets."""

    kind = "video"
    SIZE = 320, 180

    def __init__(self) -> None:
        super().__init__()
        self._dice, self._count, self._start = np.random.default_rng(0), 0, 0.0

    async def recv(self) -> av.VideoFrame:
        now = asyncio.get_running_loop().time()
        self._start = self._start or now
        await asyncio.sleep(max(0.0, self._start + self._count / 15 - now))
        width, height = self.SIZE
        frame = av.VideoFrame.from_ndarray(
            self._dice.integers(0, 255, (height * 3 // 2, width), np.uint8), format="yuv420p"
        )
        frame.pts, frame.time_base = self._count * 6000, Fraction(1, 90_000)
        self._count += 1
        return frame


@dataclass
class Call:
    """A connection that stands. `pictures`: what is seen lately, as brightness `[H, W]`."""

    pc: RTCPeerConnection
    location: str
    parts: list[np.ndarray] = field(default_factory=list)
    pictures: list[np.ndarray] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def heard_hz(self) -> float | None:
        """The strongest tone of the last second, or None when it is silent."""
        if sum(map(len, self.parts)) < HZ:
            return None
        sound = np.concatenate(self.parts)[-HZ:] / 32768
        if np.sqrt(np.mean(sound**2)) < 0.01:
            return None
        return float(np.argmax(np.abs(np.fft.rfft(sound * np.hanning(HZ)))))


async def offer_of(pc: RTCPeerConnection) -> str:
    await pc.setLocalDescription(await pc.createOffer())
    return pc.localDescription.sdp


@contextlib.asynccontextmanager
async def calling(
    http: httpx.AsyncClient,
    path: str,
    *,
    hz: float | None,
    listen: bool = False,
    picture: bool = False,
    takes_over: str | None = None,
    within_s: float = 60.0,
) -> AsyncIterator[Call]:
    """POSTs an offer to WHIP or WHEP (`hz` None: only listens) or to a session's own door (`…/offer`), and connects."""
    pc = RTCPeerConnection()
    tasks = []
    try:
        call = Call(pc, "")
        if hz is not None:
            pc.addTransceiver(Tone(hz), direction="sendrecv" if listen else "sendonly")
        else:
            pc.addTransceiver("audio", direction="recvonly")
        if picture:
            watches = "recvonly" if hz is None else "sendrecv" if listen else "sendonly"
            pc.addTransceiver("video" if hz is None else Noise(), direction=watches)
        pc.on("track", lambda track: tasks.append(asyncio.ensure_future(_listen(track, call))))
        if path.endswith("/offer"):
            pc.createDataChannel("events").on("message", call.messages.append)
        call.location = await _signal(http, path, pc, takes_over)
        async with asyncio.timeout(within_s):
            while pc.connectionState != "connected":
                assert pc.connectionState != "failed", f"{path} did not connect"
                await asyncio.sleep(0.05)
        yield call
    finally:
        await pc.close()
        for task in tasks:
            task.cancel()


async def _signal(http: httpx.AsyncClient, path: str, pc: RTCPeerConnection, takes_over: str | None) -> str:
    sdp = await offer_of(pc)
    if path.endswith("/offer"):
        response = await http.post(path, json={"sdp": sdp, "type": "offer", "takes_over": takes_over})
        response.raise_for_status()
        answer = response.json()
        await pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        return path.replace("/offer", f"/connections/{answer['id']}")
    response = await http.post(path, content=sdp, headers={"Content-Type": "application/sdp"})
    response.raise_for_status()
    await pc.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
    return response.headers["Location"]


async def _listen(track: MediaStreamTrack, call: Call) -> None:
    with contextlib.suppress(MediaStreamError):
        while True:
            frame = await track.recv()
            if isinstance(frame, av.VideoFrame):
                call.pictures = [*call.pictures[-9:], frame.to_ndarray(format="gray")]
            else:
                # aiortc decodes Opus as interleaved stereo.
                call.parts.append(frame.to_ndarray()[0, ::2].copy())
                del call.parts[:-100]
