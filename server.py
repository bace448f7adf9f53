"""The composition root: argv and environment -> engines -> sessions -> doors.

The only reader of argv and env. HTTP answers first; torch, the models and WebRTC are loaded in a thread after that,
so that the first page does not wait for them.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from streamer.logs import set_up
from streamer.options import LOOPBACK, ServeOptions, options_from
from streamer.options import add_arguments as add_serve_arguments
from streamer.place import find_place

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from streamer.metrics import Metrics
    from streamer.session import Session
    from streamer.stages.engines import Engines
    from streamer.stages.recognise import Recogniser
    from streamer.stages.scribe import Scribe
    from streamer.stages.searched import HotWords, Stt
    from streamer.transports.http import Studio

__all__ = ["main"]

T = TypeVar("T")

DRAIN_S = 5.0
SOUND_THREADS = 2  # a packet of Opus takes a fifth of a millisecond
SWITCH_S = 0.0005  # the device thread asks for the interpreter a few times a tick; Python's 5 ms is half a hop


def main(argv: Sequence[str] | None = None) -> int:
    """The `limelight` command; returns its exit status."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help", "--version")):
        given = ["serve", *given]
    arguments = _parser(given[0]).parse_args(given)
    status: int = arguments.command(arguments)
    return status


def _parser(command: str) -> argparse.ArgumentParser:
    """Every command, and the arguments of `command`: those of the others may need what takes long to load."""
    parser = argparse.ArgumentParser(
        prog="limelight",
        description="Real-time streaming media: clean sound, in step with its picture. Without a command: serve.",
    )
    parser.add_argument("--version", action="version", version="limelight 0.1.0")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    defaults = argparse.ArgumentDefaultsHelpFormatter
    serve = commands.add_parser("serve", help="start the studio (the default)", formatter_class=defaults)
    serve.set_defaults(command=_serve)
    add_serve_arguments(serve, cache=_cache_folder(), token=os.environ.get("LIMELIGHT_TOKEN"))
    run = commands.add_parser("run", help="process a file: limelight run IN OUT --clean")
    run.set_defaults(command=_run)
    say = commands.add_parser("say", help='speak text into a file: limelight say "Good evening." -o OUT')
    say.set_defaults(command=_say)
    dub = commands.add_parser("dub", help="speak subtitles over a film: limelight dub IN LINES.srt OUT")
    dub.set_defaults(command=_dub)
    doctor = commands.add_parser("doctor", help="look whether this machine has what Limelight needs")
    doctor.set_defaults(command=_doctor)
    if command == "run":
        from streamer.run import add_arguments

        add_arguments(run)
    if command == "say":
        from streamer.say import add_arguments as add_say_arguments

        add_say_arguments(say)
    if command == "dub":
        from streamer.dub import add_arguments as add_dub_arguments

        add_dub_arguments(dub)
    if command == "doctor":
        from streamer.doctor import add_arguments as add_doctor_arguments

        add_doctor_arguments(doctor, cache=_cache_folder())
    bench = commands.add_parser("bench", help="measure something on this machine")
    bench.add_argument("name", help="one of tests/bench, such as engine; without: list them", nargs="?")
    bench.add_argument("rest", nargs=argparse.REMAINDER, help="options of that benchmark, such as --json")
    bench.set_defaults(command=_bench)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from streamer.run import options_from, run

    try:
        options = options_from(arguments, cache=_cache_folder())
        if options.captions is not None:
            _fetch(options.captions.stt, _cache_folder())
    except (ValueError, OSError) as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 2
    return run(options)


def _say(arguments: argparse.Namespace) -> int:
    from streamer.say import options_from, run

    options = _sensible(options_from, arguments)
    return 2 if options is None else run(options)


def _dub(arguments: argparse.Namespace) -> int:
    from streamer.dub import options_from, run

    options = _sensible(options_from, arguments)
    return 2 if options is None else run(options)


def _sensible(options_from: Callable[[argparse.Namespace], T], arguments: argparse.Namespace) -> T | None:
    """The options, or why there are none on standard error."""
    try:
        return options_from(arguments)
    except (ValueError, OSError) as error:
        print(f"limelight: {error}", file=sys.stderr)
        return None


def _doctor(arguments: argparse.Namespace) -> int:
    from streamer.doctor import options_from, run

    return run(options_from(arguments, weights=Path(__file__).parent / "models" / "weights"))


def _bench(arguments: argparse.Namespace) -> int:
    folder = Path(__file__).parent / "tests" / "bench"
    names = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))
    if arguments.name not in names:
        print(f"limelight bench: one of: {', '.join(names) or 'none here (they come with the source checkout)'}")
        return 2 if arguments.name else 0
    sys.path.insert(0, str(folder.parent.parent))
    return int(importlib.import_module(f"tests.bench.{arguments.name}").main(arguments.rest) or 0)


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("LIMELIGHT_CACHE") or Path(base) / "limelight")


def _serve(arguments: argparse.Namespace) -> int:
    set_up(arguments.log_format, arguments.log_level)
    try:
        options = options_from(arguments)
        _fetch(options.stt, options.cache)
        _demand(options.device)
    except (ValueError, OSError) as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 2
    return asyncio.run(_run_server(options))


def _fetch(stt: str, cache: Path) -> None:
    """Before anything is done: who asked for the public recogniser and cannot have it is told so at once."""
    if stt != "emformer":
        return
    from models.emformer.assets import fetch_published
    from streamer.progress import downloads

    with downloads() as progress:
        fetch_published(cache / "emformer", progress=progress)


def _demand(device: str) -> None:
    """Who asks for a GPU by name and cannot have it hears so at once; only then is torch loaded before the first page.

    Raises:
        ValueError: says why, and what to do.
    """
    if device.startswith("cuda"):
        find_place(device)


async def _run_server(options: ServeOptions) -> int:
    sys.setswitchinterval(SWITCH_S)
    from streamer.metrics import Metrics
    from streamer.sessions import Sessions
    from streamer.transports.http import Access, Studio
    from streamer.transports.serve import PortTaken, bind, serve

    try:
        listener = bind(options.host, options.port)
    except PortTaken as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 1
    metrics = Metrics()
    loaded = _Loaded(options, metrics)
    sessions = Sessions(loaded.session, capacity=options.sessions, idle_s=options.idle_s, longest_s=options.longest_s)
    metrics.gauge("limelight_sessions", "Open sessions", lambda: len(sessions))
    metrics.gauge("limelight_tasks", "Tasks on the event loop", lambda: len(asyncio.all_tasks()))
    metrics.gauge("limelight_queued_seconds", "Sound waiting in microphone channels", sessions.queued_seconds)
    hosts = frozenset(LOOPBACK) if options.local else None
    access = Access(token=options.token, hosts=hosts, origins=options.origins)
    studio = Studio(sessions=sessions, metrics=metrics, access=access, ice_servers=options.ice_servers)
    print(f"Limelight is at {options.url(listener.getsockname()[1])}", flush=True)
    await serve(
        studio, listener, load=loaded.load, improve=loaded.improve, close=loaded.close, tls=options.tls, drain_s=DRAIN_S
    )
    return 0


def _load_stt(options: ServeOptions, *, slots: int, place: str) -> Stt | None:
    """The recogniser; where it is not wanted or cannot be had there are no captions, and everything else."""
    if options.stt == "off":
        return None
    from streamer.frame import FormatError
    from streamer.stages.stt import load_stt

    try:
        return load_stt(options.stt, cache=options.cache, slots=slots, place=place)
    except FormatError as error:
        logging.getLogger(__name__).warning("no captions: %s", error)
        return None


class _Loaded:
    """What is there once torch and the models are: engines, and sessions made on them."""

    def __init__(self, options: ServeOptions, metrics: Metrics) -> None:
        self._options, self._metrics = options, metrics
        self._engines: Engines | None = None
        self._sound_codecs = ThreadPoolExecutor(SOUND_THREADS, "sound")
        self._stt: Stt | None = None

    def load(self, studio: Studio) -> Sequence[BaseRoute]:
        """The slow part, in a thread: models, WebRTC; returns the media doors' routes."""
        from streamer.device import Device
        from streamer.stages.engines import Engines
        from streamer.transports.doors import Network, media_routes
        from streamer.transports.transcriptions import AT_ONCE, transcription_routes

        options, place = self._options, find_place(self._options.device)
        engines = self._engines = Engines(slots=options.sessions, recordings=AT_ONCE, device=Device(place))
        if options.changer:
            engines.add_changers()
        self._stt = _load_stt(options, slots=options.sessions + AT_ONCE, place=place)
        served = [*engines] if self._stt is None else [*engines, self._stt.engine]
        self._metrics.engines(lambda: [engine.snapshot() for engine in served])
        network = Network(ice_servers=options.ice_servers, udp_ports=options.udp_ports, public_ip=options.public_ip)
        return [*media_routes(studio, network), *transcription_routes(studio, self._scribe)]

    def _recogniser(self, hot_words: HotWords) -> Recogniser | None:
        return None if self._stt is None else self._stt.recogniser(hot_words)

    def _scribe(self, hot_words: Sequence[str]) -> Scribe:
        """The stages for one recording, with their slots leased."""
        from streamer.engine import EngineFull
        from streamer.sessions import Full
        from streamer.stages.scribe import scribe_of
        from streamer.transports.http import Refused

        assert self._engines is not None
        try:
            recogniser = self._recogniser(lambda: hot_words)
            if recogniser is None:
                raise Refused(503, "this server was started without a recogniser; start it with --stt emformer")
            return scribe_of(self._engines.vad, recogniser)
        except EngineFull as error:
            raise Full(f"{error}; try again soon") from None

    async def improve(self) -> None:
        """What goes on in the background while the server serves."""
        from streamer.compile import compile_engine

        cache = self._options.cache / "compiled"
        if self._engines is not None and self._options.compile:
            await self._engines.compile(cache)
        if self._stt is not None and self._options.compile and self._options.stt == "limelight":
            await compile_engine(self._stt.engine, cache=cache)  # the public one is too large

    def session(self, name: str, channels: int) -> Session:
        """A new session with its slots leased."""
        from streamer.engine import EngineFull
        from streamer.session import Session
        from streamer.sessions import Full

        assert self._engines is not None
        try:
            session = Session(
                name,
                channels=channels,
                make_path=self._engines.paths,
                make_recogniser=lambda session: self._recogniser(lambda: session.settings.captions.hot_words),
                metrics=self._metrics,
                sound_codecs=self._sound_codecs,
            )
        except EngineFull as error:
            raise Full(f"{error}; try again soon") from None
        session.report.compiled = lambda: bool(self._engines and self._engines.compiled)
        return session

    def close(self) -> None:
        self._sound_codecs.shutdown(wait=False, cancel_futures=True)
        if self._engines is not None:
            self._engines.close()
        if self._stt is not None:
            self._stt.close()
