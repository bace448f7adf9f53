"""The anchor of a live session: who is shown instead of the camera, in step with the session's sound.

Pictures are made for moments of the session's clock: a moment is drawn a little before its sound leaves and goes out
with it. Who speaks moves the mouth: the publisher, whose lips are read, or the session's own voice, whose phones are
known. When drawing falls behind, moments are left out; sound never waits for it. The drawing is a process of its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import numpy as np

from streamer.channel import Broadcast, Channel, Closed, Overflow
from streamer.frame import PICTURE_HZ, SOUND_HZ, AudioFrame, Event, VideoFrame
from streamer.settings import Anchor as AnchorSettings
from streamer.settings import SettingsError
from streamer.stages.cast import Cast
from streamer.stages.lipsync import LipSync
from streamer.stages.moments import Answer, Plane
from streamer.stages.mouth import SaidChunk
from streamer.stages.puppeteer import Puppeteer, PuppetGone, puppet
from streamer.stages.tracking import Tracking

__all__ = ["LiveAnchor", "Rig"]

FPS = 30
RIG_HZ = 60
AHEAD_S = 0.045  # a moment is drawn so long before it goes out
MOST_AHEAD_S = 0.3  # where drawing takes longer, pictures are late
LIPS_HOLD_S = 0.12  # the sound of who is heard waits for lips that take 75 ms to read, and for their drawing
READY = 4  # pictures that wait for their sound
SAID = 64
AGAIN_S = 2.0
RIG_HELD = 8
NEUTRAL = 128

log = logging.getLogger(__name__)

Rig = Answer
"""A moment of the anchor for who draws it elsewhere: its time and pose."""


class LiveAnchor:
    """`settings` is read at every moment. `due` says at which monotonic time the sound of a moment leaves.

    `show` sends a picture out, where it is `watched`: else none is drawn. `publish` tells everybody. `rig` has the
    poses, 60 a second while somebody subscribes.
    """

    def __init__(
        self,
        lips: LipSync,
        tracking: Tracking,
        *,
        settings: Callable[[], AnchorSettings],
        now: Callable[[], float],
        due: Callable[[float], float],
        show: Callable[[VideoFrame], Awaitable[None]],
        watched: Callable[[], bool],
        publish: Callable[[Event], None],
        failed: Callable[[], None],
        said: Broadcast[SaidChunk],
        cast: Cast,
    ) -> None:
        self.rig: Broadcast[Rig] = Broadcast()
        self.made = self.left_out = 0
        self._lips, self._settings, self._now, self._due = lips, settings, now, due
        self._tracking, self._cast = tracking, cast
        self._show, self._watched, self._publish, self._failed = show, watched, publish, failed
        self._said = said.subscribe(SAID)
        self._epoch = 0
        self._markers: deque[tuple[int, str]] = deque(maxlen=SAID)
        self._changed = asyncio.Event()
        self._last_s = 0.0
        self._took_s = 0.0

    @property
    def on(self) -> bool:
        """Whether the anchor's picture takes the camera's place."""
        return self._settings().on

    @property
    def hold_s(self) -> float:
        """How long the session's sound has to wait for its lips."""
        return LIPS_HOLD_S if self.on and self._settings().source != "text" else 0.0

    def hear(self, hop: AudioFrame) -> None:
        """The publisher's sound as it came in; never waits."""
        if self.on and self._settings().source == "voice":
            self._lips.offer(hop)

    def see(self, frame: VideoFrame) -> None:
        """The publisher's picture as it came in; never waits."""
        if self.on and self._settings().source == "face":
            self._tracking.offer(frame)

    def feel(self, begin: int, emotion: str | None) -> None:
        """From the word on that begins at character `begin` of what the session's voice is given; None forgets all."""
        if emotion is None:
            self._markers.clear()
        else:
            self._markers.append((begin, emotion))

    def check(self, wanted: AnchorSettings) -> None:
        """Raises `SettingsError` for what cannot be done here."""
        self._cast.check(wanted)
        if wanted.source == "face" and not self._tracking.possible:
            raise SettingsError("anchor.source: no face is tracked here; start the server with --face-model FILE")

    def changed(self) -> None:
        """Settings were."""
        self._changed.set()

    async def run(self) -> None:
        """Act whenever the settings want it, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._lips.run())
            tasks.create_task(self._tracking.run())
            while True:
                if self.on:
                    await self._perform()
                self._changed.clear()
                await self._changed.wait()

    def stats(self) -> dict[str, Any] | None:
        """For the `stats` event; None while there is no anchor."""
        if not self.on:
            return None
        took_ms = round(self._took_s * 1000, 1)
        return {"synthetic": True, "pictures": self.made, "left_out": self.left_out, "draw_ms": took_ms}

    def close(self) -> None:
        self._said.close()
        self._lips.close()
        self._tracking.close()
        self.rig.close()

    async def _perform(self) -> None:
        """While it is on; a process that fails is replaced."""
        while self.on:
            try:
                async with puppet() as drawn:
                    await self._play(drawn)
            except PuppetGone as error:
                log.warning("the anchor starts again: %s", error)
                self._failed()
                await asyncio.sleep(AGAIN_S)
        self._publish(Event("anchor", {"state": "off", "synthetic": False}))

    async def _play(self, drawn: Puppeteer) -> None:
        line: Channel[VideoFrame] = Channel(READY, Overflow.DROP_OLDEST)
        sending = asyncio.create_task(self._send(line))
        wanted: AnchorSettings | None = None
        try:
            while self.on:
                settings = self._settings()
                if settings != wanted:
                    self._dress(drawn, settings, wanted)
                    wanted = settings
                await self._moment(drawn, line)
        finally:
            self.left_out += line.take_dropped()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def _dress(self, drawn: Puppeteer, settings: AnchorSettings, before: AnchorSettings | None) -> None:
        """Tell what has changed."""
        if before is None or settings.character != before.character:
            self._introduce(settings.character)
        look = self._cast.look(settings)
        if before is None or look != self._cast.look(before):
            drawn.tell({"look": look})
        if before is None or settings.source != before.source:
            drawn.tell({"source": settings.source})
        if before is None or settings.emotion != before.emotion:
            drawn.tell({"feel": [settings.emotion, self._last_s]})

    def _introduce(self, character: str) -> None:
        """Tell everybody that somebody synthetic is on, and what they consented to whose likeness it is."""
        consent = self._cast.consent(character)
        self._publish(Event("anchor", {"state": "on", "synthetic": True} | ({"consent": consent} if consent else {})))

    async def _moment(self, drawn: Puppeteer, line: Channel[VideoFrame]) -> None:
        """Wait for the next moment, and make it."""
        at_s, draw = self._next()
        await asyncio.sleep(max(0.0, self._due(at_s) - AHEAD_S - self._now()))
        self._tell_said(drawn)
        begun = self._now()
        wanted = "draw" if draw and self._watched() else "pose"
        answer = await drawn.ask({"mouth": self._lips.take(), "face": self._tracking.take(), wanted: at_s})
        self.rig.publish(answer)
        if answer.planes:
            self._took_s += 0.1 * (self._now() - begun - self._took_s)
            self.made += 1
            line.offer(_frame(answer, begun))

    def _next(self) -> tuple[float, bool]:
        """The moment after the last one that can still be made in time, and whether it is drawn."""
        rate = RIG_HZ if len(self.rig) else FPS
        soonest_s = self._now() + min(MOST_AHEAD_S, max(AHEAD_S / 3, self._took_s)) - self._due(0.0)
        tick = max(round(self._last_s * rate) + 1, int(np.ceil(soonest_s * rate)))
        self.left_out += max(0, int((tick / rate - self._last_s) * FPS) - 1) if self.made else 0
        self._last_s = tick / rate
        return self._last_s, tick % (rate // FPS) == 0

    def _tell_said(self, drawn: Puppeteer) -> None:
        """What the session's voice is about to say."""
        for chunk in self._said.drain():
            if chunk.epoch != self._epoch:
                self._epoch = chunk.epoch
                drawn.tell({"cut": chunk.pts / SOUND_HZ})
            if chunk.phones:
                drawn.tell({"phones": [(phone.name, phone.start_s, phone.end_s) for phone in chunk.phones]})
            for word in chunk.words:
                while self._markers and self._markers[0][0] <= word.begin:
                    drawn.tell({"feel": [self._markers.popleft()[1], word.start_s]})

    async def _send(self, line: Channel[VideoFrame]) -> None:
        with suppress(Closed):
            async for frame in line:
                await asyncio.sleep(max(0.0, self._due(frame.pts / PICTURE_HZ) - self._now()))
                await self._show(frame)


def _frame(answer: Answer, arrival: float) -> VideoFrame:
    """What was drawn; what is clear has colour on the left and on the right, as brightness, how opaque it is."""
    y, u, v, *alpha = answer.planes
    if alpha:
        opaque = (16 + alpha[0].astype(np.uint16) * 219 // 255).astype(np.uint8)
        y, u, v = (_beside(one, other) for one, other in ((y, opaque), (u, _grey(u)), (v, _grey(v))))
    return VideoFrame(round(answer.at_s * PICTURE_HZ), y, u, v, arrival=arrival)


def _grey(plane: Plane) -> Plane:
    return np.full_like(plane, NEUTRAL)


def _beside(one: Plane, other: Plane) -> Plane:
    return np.concatenate([one, other], axis=1)
