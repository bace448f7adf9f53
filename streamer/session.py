"""A named session: it owns one pipeline and every task in it; connections attach and detach.

Doors push captured frames into a `Publisher` and subscribe to what comes out; nothing here knows how either travels.
Closing a session is cancelling its one task group.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any

from streamer.channel import Broadcast, Closed, Overflow
from streamer.clock import MediaClock, OutputClock
from streamer.frame import HOP, SOUND_HZ, AudioFrame, Event
from streamer.hearing import Hearing
from streamer.metrics import Metrics
from streamer.pipeline import SoundPath
from streamer.publisher import Busy, Connection, Publisher
from streamer.rechunk import Rechunker
from streamer.report import Report
from streamer.settings import Settings, SettingsError, merge
from streamer.showing import CARRIED, Showing
from streamer.stages.cast import DRAWN_ONLY, Cast
from streamer.stages.lipsync import LipSync
from streamer.stages.live_anchor import LiveAnchor
from streamer.stages.programme import Programme
from streamer.stages.recognise import Recogniser
from streamer.stages.saying import Saying
from streamer.stages.speech import Speech
from streamer.stages.talk import Talk, no_voice
from streamer.stages.tracking import Tracking
from streamer.telling import tell
from streamer.text.transcript import Transcript

__all__ = ["MakePath", "MakeRecogniser", "MakeSaying", "MakeSenses", "Session"]

EVENTS_HELD = 64

log = logging.getLogger(__name__)

MakePath = Callable[["Session"], tuple[SoundPath, Speech]]
MakeRecogniser = Callable[["Session"], Recogniser | None]
MakeSaying = Callable[["Session"], Saying]
MakeSenses = Callable[["Session"], tuple[LipSync, Tracking]]


class Session:
    """See the module. `now()` is monotonic seconds; the session clock counts from the session's making.

    `sound_codecs`: threads for doors to code sound on, so that it never waits for a picture; None: the loop's own.
    """

    def __init__(
        self,
        name: str,
        *,
        channels: int,
        make_path: MakePath,
        make_recogniser: MakeRecogniser = lambda _session: None,
        make_saying: MakeSaying = no_voice,
        make_senses: MakeSenses = lambda _session: (LipSync(None), Tracking()),
        cast: Cast = DRAWN_ONLY,
        metrics: Metrics,
        settings: Settings | None = None,
        sound_codecs: Executor | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.channels, self.now = name, channels, now
        self.made = secrets.token_urlsafe(6)  # tells it from an earlier session of that name
        self.settings, self.sound_codecs = settings or Settings(), sound_codecs
        self.clock = MediaClock(now())
        self.report, self.output_clock = Report(metrics), OutputClock(self.clock, wall=time.time())
        self.events: Broadcast[Event] = Broadcast()
        self.path, self.speech = make_path(self)
        try:
            self.programme = self._make_programme(make_recogniser)
        except BaseException:
            self.path.close()
            self.speech.close()
            raise
        self.talk = self._make_talk(make_saying)
        parts = self.programme, self.report, self.clock
        self.showing = Showing(*parts, delay=self.path.delay, now=now, anchor=lambda: self.anchor)
        self.anchor = self._make_anchor(make_senses, cast)
        tell = self.events.publish
        self.hearing = Hearing(name, speech=self.speech, programme=self.programme, talk=self.talk, publish=tell)
        self.sound_out: Broadcast[AudioFrame] = Broadcast()
        self.picture_out = self.showing.out
        self.connections: dict[str, Connection] = {}
        self.publisher: Publisher | None = None
        self.output: object = None  # what the doors share to send this session out; theirs alone
        self.idle_since: float | None = now()
        self.epoch = 0  # frames of an earlier one are stale and go no further
        self.transcript, self.ready = Transcript(), asyncio.Event()
        self._path_free = asyncio.Lock()
        self._tasks: asyncio.TaskGroup | None = None
        self._runner: asyncio.Task[None] | None = None

    def _make_programme(self, make_recogniser: MakeRecogniser) -> Programme:
        return Programme(
            make_recogniser(self),
            settings=lambda: self.settings.captions,
            now_s=lambda: self.time_s,
            failed=lambda: self.report.failed("captions"),
            tell=self.caption,
            publish=self.events.publish,
            least_hold_s=lambda: self.anchor.hold_s,
        )

    def _make_anchor(self, make_senses: MakeSenses, cast: Cast) -> LiveAnchor:
        return LiveAnchor(
            *make_senses(self),
            settings=lambda: self.settings.anchor,
            now=self.now,
            due=self.showing.due,
            show=self.showing.show,
            watched=lambda: len(self.showing.out) > 0,
            publish=self.events.publish,
            failed=lambda: self.report.failed("anchor"),
            said=self.talk.said,
            cast=cast,
        )

    def _make_talk(self, make_saying: MakeSaying) -> Talk:
        return Talk(
            lambda: make_saying(self),
            settings=lambda: self.settings.voice,
            channels=self.channels,
            now=self.now,
            pts=lambda: self.clock.pts(self.now(), SOUND_HZ) - self.path.delay - CARRIED,
            air=self._air,
            publish=self.events.publish,
            failed=lambda: self.report.failed("voice"),
            feel=lambda begin, emotion: self.anchor.feel(begin, emotion),
        )

    @property
    def time_s(self) -> float:
        """Now, on the session clock."""
        return self.clock.seconds(self.now())

    @property
    def viewers(self) -> int:
        """How many connections watch or listen."""
        return sum(connection.kind != "whip" for connection in self.connections.values())

    async def run(self) -> None:
        """Everything the session does, until `close` or a failure."""
        self._runner = asyncio.current_task()
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self.spawn(self.hearing.run(), "listen")
                self.spawn(self.talk.run(), "voice")
                self.spawn(self.programme.run(), "captions")
                self.spawn(self.anchor.run(), "anchor")
                self.spawn(tell(self), "tell")
                self.ready.set()
        except* Exception:
            await self.close("internal error")
            raise
        finally:
            self._tasks = None
            self.ready.set()
            for part in (self.path, self.hearing, self.programme, self.anchor, self.talk):
                part.close()
            for broadcast in (self.events, self.sound_out, self.picture_out):
                broadcast.close()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """A task that the session owns; its failure is the session's."""
        if self._tasks is None:
            work.close()
            raise Closed
        return self._tasks.create_task(work, name=f"{self.name}:{name}")

    async def close(self, reason: str) -> None:
        """Say goodbye, end the connections, cancel the tasks. Idempotent."""
        self.events.publish(Event("bye", {"reason": reason}))
        for connection in list(self.connections.values()):
            await connection.close(reason)
        if self._runner is not None and self._runner is not asyncio.current_task():
            self._runner.cancel()

    def configure(self, part: object) -> Settings:
        """Change some settings and tell everybody.

        Raises:
            SettingsError: nothing was changed.
        """
        wanted = merge(self.settings, part)
        if wanted.changer.on and not any(stage.name == "changer" for stage in self.path.stages):
            raise SettingsError("changer: not in this session's sound; start the server with --changer")
        self.anchor.check(wanted.anchor)
        self.settings = wanted
        self.anchor.changed()
        self.events.publish(Event("settings", {"settings": self.settings.model_dump()}))
        return self.settings

    def caption(self, event: Event) -> None:
        """Keep what a `caption` event commits, and tell everybody."""
        self.transcript.add(event.body)
        self.events.publish(event)

    def say(self, text: str, *, more: bool = False) -> int:
        """Have a line said; see `Talk.say`. Who does so keeps the session open for as long as who leaves it."""
        if self.idle_since is not None:
            self.idle_since = self.now()
        return self.talk.say(text, more=more)

    def attach(self, connection: Connection) -> None:
        self.connections[connection.id] = connection
        self.idle_since = None

    def detach(self, connection: Connection) -> None:
        """Idempotent."""
        self.connections.pop(connection.id, None)
        if not self.connections and self.idle_since is None:
            self.idle_since = self.now()

    def publish(self, *, sound_overflow: Overflow = Overflow.DROP_OLDEST) -> Publisher:
        """Become the publisher until `unpublish`.

        Raises:
            Busy: there is one already.
            Closed: the session has ended.
        """
        if self.publisher is not None:
            raise Busy(f"somebody already publishes to {self.name!r}")
        self.epoch += 1
        publisher = Publisher(sound_overflow, self.epoch)
        self.spawn(self._sound(publisher), "sound")
        self.spawn(self.showing.camera(publisher, lambda: publisher.epoch == self.epoch), "picture")
        self.publisher = publisher
        self.events.publish(Event("publisher", {"state": "joined"}))
        return publisher

    def unpublish(self, publisher: Publisher) -> None:
        """Idempotent; what is in flight still comes out, unless somebody else has begun to publish by then."""
        publisher.close()
        if self.publisher is publisher:
            self.publisher = None
            self.events.publish(Event("publisher", {"state": "left"}))

    async def _sound(self, publisher: Publisher) -> None:
        rechunker = Rechunker(self.channels)
        async with self._path_free:  # the last hop of the publisher before leaves the path first
            self.path.reset()
            async for frame in publisher.sound:
                await self._hops(rechunker.push(replace(frame, epoch=publisher.epoch)), publisher)
            await self._hops(rechunker.flush(), publisher)
            await self._drain(publisher)

    async def _hops(self, hops: Sequence[AudioFrame], publisher: Publisher) -> None:
        """All that one packet held goes through the path together."""
        if publisher.epoch != self.epoch:
            return
        for hop in hops:
            await self._hear(hop, publisher)
        try:
            made = await self.path.process(hops)
        except TimeoutError:
            log.error("session %s: the models took too long at pts %d, a hole", self.name, hops[0].pts)
            self.report.failed("path")
            return
        for out in made:
            self.programme.listen(out, self.speech.probability, source="clean")
            self.talk.follow(out)
            await self._air(out)

    async def _hear(self, hop: AudioFrame, publisher: Publisher) -> None:
        self.report.heard(hop, self.now())
        self.anchor.hear(hop)
        if publisher.waits:
            await self.programme.room()
            await self.hearing.observe([hop])
        else:
            self.hearing.offer(hop)

    async def _air(self, hop: AudioFrame) -> None:
        """Send out a hop when it is due. The voice waits for captions, as everything does, but not for lips."""
        if self.programme.hold_s:
            hop = self.talk.mix(hop)
        for ready in self.programme.push(hop):
            await self._send(ready)

    async def _send(self, ready: AudioFrame) -> None:
        out = ready if self.programme.hold_s else self.talk.mix(ready)
        self.report.made(out, self.now())
        await self.sound_out.put(out)
        self.programme.show()

    async def _drain(self, publisher: Publisher) -> None:
        """What is held back still comes out, as fast as it was to."""
        while publisher.epoch == self.epoch and (out := self.programme.drain()) is not None:
            await self._send(out)
            await asyncio.sleep(HOP / SOUND_HZ)
