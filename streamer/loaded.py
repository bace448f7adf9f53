"""What a server has once torch and the models are loaded: engines, a recogniser, a voice, and sessions made on them.

Made before they are, so that pages are answered at once: what is heavy is imported in `Loaded.load`, in a thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streamer.commands.serve_options import ServeOptions
from streamer.place import find_place

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from models.tts.types import Controls
    from streamer.metrics import Metrics
    from streamer.session import Session
    from streamer.stages.engines import Engines
    from streamer.stages.lipsync import LipSync
    from streamer.stages.recognise import Recogniser
    from streamer.stages.saying import Saying
    from streamer.stages.scribe import Scribe
    from streamer.stages.searched import HotWords, Stt
    from streamer.stages.tracking import Tracking
    from streamer.stages.voice import Voice
    from streamer.transports.http import Studio

__all__ = ["Loaded"]

SOUND_THREADS = 2  # a packet of Opus takes a fifth of a millisecond

log = logging.getLogger(__name__)


def _load_stt(options: ServeOptions, *, slots: int, place: str) -> Stt | None:
    """The recogniser; where it is not wanted or cannot be had there are no captions, and everything else."""
    if options.stt == "off":
        return None
    from streamer.frame import FormatError
    from streamer.stages.stt import load_stt

    try:
        return load_stt(options.stt, cache=options.cache, slots=slots, place=place)
    except FormatError as error:
        log.warning("no captions: %s", error)
        return None


@contextmanager
def _slots() -> Iterator[None]:
    """No free slot is told as `Full`."""
    from streamer.engine import EngineFull
    from streamer.sessions import Full

    try:
        yield
    except EngineFull as error:
        raise Full(f"{error}; try again soon") from None


class Loaded:
    """What is there once torch and the models are: engines, and sessions made on them."""

    def __init__(self, options: ServeOptions, metrics: Metrics) -> None:
        self._options, self._metrics = options, metrics
        self._engines: Engines | None = None
        self._sound_codecs = ThreadPoolExecutor(SOUND_THREADS, "sound")
        self._stt: Stt | None = None
        self._voice: Voice | None = None
        self._sessions: Iterable[Session] = ()

    def load(self, studio: Studio) -> Sequence[BaseRoute]:
        """The slow part, in a thread: models, WebRTC; returns the media doors' routes."""
        from streamer.stages.engines import Engines
        from streamer.stages.voices import find_voice
        from streamer.ticks.device import Device
        from streamer.transports.doors import Network, media_routes, speech_routes
        from streamer.transports.speech import SPOKEN_AT_ONCE
        from streamer.transports.transcriptions import AT_ONCE, transcription_routes

        self._sessions = studio.sessions
        options, place = self._options, find_place(self._options.device)
        engines = self._engines = Engines(slots=options.sessions, recordings=AT_ONCE, device=Device(place))
        if options.changer:
            engines.add_changers()
        self._stt = _load_stt(options, slots=options.sessions + AT_ONCE, place=place)
        self._voice = find_voice(options.voice, slots=options.sessions + SPOKEN_AT_ONCE, device=engines.device)
        served = [*engines] if self._stt is None else [*engines, self._stt.engine]
        served += [] if self._voice is None else self._voice.engines
        self._metrics.engines(lambda: [engine.snapshot() for engine in served])
        network = Network(ice_servers=options.ice_servers, udp_ports=options.udp_ports, public_ip=options.public_ip)
        return [
            *media_routes(studio, network),
            *transcription_routes(studio, self._scribe),
            *speech_routes(studio, self._saying),
        ]

    def _saying(self, controls: Callable[[], Controls]) -> Saying:
        """A stream of speech, with its slot leased."""
        from streamer.stages.saying import Saying
        from streamer.stages.talk import NoVoice

        if self._voice is None:
            raise NoVoice("this server has no voice: it was started with --voice off, or its log says what is missing")
        with _slots():
            return Saying(self._voice, controls=controls)

    def _recogniser(self, hot_words: HotWords) -> Recogniser | None:
        return None if self._stt is None else self._stt.recogniser(hot_words)

    def _scribe(self, hot_words: Sequence[str]) -> Scribe:
        """The stages for one recording, with their slots leased."""
        from streamer.stages.scribe import scribe_of
        from streamer.transports.http import Refused

        assert self._engines is not None
        with _slots():
            recogniser = self._recogniser(lambda: hot_words)
            if recogniser is None:
                raise Refused(503, "this server was started without a recogniser; start it with --stt emformer")
            return scribe_of(self._engines.vad, recogniser)

    async def improve(self) -> None:
        """What goes on in the background while the server serves."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._compile())
            if self._options.vmc is not None:
                tasks.create_task(self._move_avatar(*self._options.vmc))

    async def _move_avatar(self, host: str, port: int) -> None:
        from streamer.transports.vmc import Vmc

        try:
            await Vmc(host, port, shapes=self._options.vmc_shapes, sessions=self._sessions).run()
        except OSError as error:
            log.error("--vmc: %s:%s cannot be sent to: %s", host, port, error)

    async def _compile(self) -> None:
        from streamer.ticks.compile import compile_engine

        cache = self._options.cache / "compiled"
        if self._engines is None or not self._options.compile:
            return
        await self._engines.compile(cache)
        if self._stt is not None and self._options.stt == "limelight":
            await compile_engine(self._stt.engine, cache=cache)  # the public one is too large
        for engine in () if self._voice is None else self._voice.engines:
            await compile_engine(engine, cache=cache)

    def _senses(self, session: Session) -> tuple[LipSync, Tracking]:
        """What moves the anchor of a session: its publisher's voice, and face where there is a tracker."""
        from streamer.stages.tracker import load_tracker
        from streamer.stages.tracking import Tracking

        assert self._engines is not None
        model = self._options.face_model
        make = None if model is None else lambda: load_tracker(model)
        return self._engines.lips(session), Tracking(make, failed=lambda: session.report.failed("face"))

    def session(self, name: str, channels: int) -> Session:
        """A new session with its slots leased."""
        from streamer.session import Session

        assert self._engines is not None
        with _slots():
            session = Session(
                name,
                channels=channels,
                make_path=self._engines.paths,
                make_recogniser=lambda session: self._recogniser(lambda: session.settings.captions.hot_words),
                make_saying=lambda session: self._saying(lambda: session.settings.voice.controls),
                make_senses=self._senses,
                cast=self._options.cast,
                metrics=self._metrics,
                sound_codecs=self._sound_codecs,
            )
        session.report.compiled = lambda: bool(self._engines and self._engines.compiled)
        return session

    def close(self) -> None:
        self._sound_codecs.shutdown(wait=False, cancel_futures=True)
        if self._engines is not None:
            self._engines.close()
        for part in (self._stt, self._voice):
            if part is not None:
                part.close()
