"""One encode per output: a session's sound and picture are encoded once, whoever watches.

The encoders start with the first viewer and stop after the last; a new viewer of the picture gets a key frame.
"""

from __future__ import annotations

import asyncio
from functools import partial

from streamer.channel import Broadcast, Channel
from streamer.frame import SOUND_HZ, AudioFrame
from streamer.session import Session
from streamer.transports.codecs import Encoded, PictureEncoder, SoundEncoder
from streamer.transports.rate import LossRate

__all__ = ["Outputs", "outputs_of"]

SOUND_PACKETS = 10  # 200 ms
PICTURE_PACKETS = 8
KEY_INTERVAL_S = 0.5  # at most one forced key frame in this time, however many viewers ask


class Outputs:
    """The encoded side of a session."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.sound: Broadcast[Encoded] = Broadcast()
        self.picture: Broadcast[Encoded] = Broadcast()
        self._tasks: list[asyncio.Task[None]] = []
        self._viewers = 0
        self._key_wanted = False
        self._last_key = float("-inf")
        self._rate = LossRate()

    def join(self) -> tuple[Channel[Encoded], Channel[Encoded]]:
        """A viewer's bounded channels of encoded sound and picture."""
        self._viewers += 1
        if not self._tasks:
            self._tasks = [
                self.session.spawn(self._encode_sound(), "encode-sound"),
                self.session.spawn(self._encode_picture(), "encode-picture"),
            ]
        self.request_key()
        return self.sound.subscribe(SOUND_PACKETS), self.picture.subscribe(PICTURE_PACKETS)

    def leave(self, channels: tuple[Channel[Encoded], Channel[Encoded]]) -> None:
        for channel in channels:
            channel.close()
        self._viewers -= 1
        if not self._viewers:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def request_key(self) -> None:
        """Somebody cannot decode: the next picture will be a key frame."""
        self._key_wanted = True

    def lost(self, share: float) -> None:
        """A viewer's report of how much of the picture's packets it has lost lately, 0…1."""
        self._rate.told(share, self.session.now())

    async def _encode_sound(self) -> None:
        session, loop = self.session, asyncio.get_running_loop()
        frames = session.sound_out.subscribe(SOUND_HZ // 5, weight=lambda frame: frame.samples.shape[1])
        encoder, held = SoundEncoder(session.channels), list[AudioFrame]()
        try:
            async for frame in frames:
                session.report.dropped("sound", frames.take_dropped())
                held.append(frame)
                if sum(each.samples.shape[1] for each in held) < encoder.packet:
                    continue
                start = session.now()
                for packet in await loop.run_in_executor(session.sound_codecs, _encode_all, encoder, held):
                    self.sound.publish(packet)
                session.report.observe("encode", session.now() - start)
                held = []
        finally:
            frames.close()

    async def _encode_picture(self) -> None:
        session, loop = self.session, asyncio.get_running_loop()
        frames = session.picture_out.subscribe(2)
        encoder = PictureEncoder()
        try:
            async for frame in frames:
                session.report.dropped("picture", frames.take_dropped())
                encoder.bitrate_bps = self._rate.bps(session.settings.picture.bitrate_kbps * 1000)
                start = session.now()
                encode = partial(encoder.encode, frame, key=self._take_key())
                for packet in await loop.run_in_executor(None, encode):
                    self.picture.publish(packet)
                session.report.observe("picture_encode", session.now() - start)
        finally:
            frames.close()

    def _take_key(self) -> bool:
        now = self.session.now()
        if not self._key_wanted or now - self._last_key < KEY_INTERVAL_S:
            return False
        self._key_wanted, self._last_key = False, now
        return True


def _encode_all(encoder: SoundEncoder, frames: list[AudioFrame]) -> list[Encoded]:
    """Two hops in one trip to a thread."""
    return [packet for frame in frames for packet in encoder.encode(frame)]


def outputs_of(session: Session) -> Outputs:
    """The session's outputs, made once."""
    outputs = session.output
    if not isinstance(outputs, Outputs):
        outputs = session.output = Outputs(session)
    return outputs
