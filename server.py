"""The composition root: argv and environment -> engines -> sessions -> doors.

The only reader of argv and env. HTTP answers first; torch, the models and WebRTC are loaded in a thread after that,
so that the first page does not wait for them.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from streamer.commands.serve_options import LOOPBACK, ServeOptions, options_from
from streamer.commands.serve_options import add_arguments as add_serve_arguments
from streamer.logs import set_up
from streamer.place import find_place

__all__ = ["main"]

T = TypeVar("T")

DRAIN_S = 5.0
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
    portrait = commands.add_parser("portrait", help="make an anchor of your own picture: limelight portrait ME.jpg")
    portrait.set_defaults(command=_portrait)
    doctor = commands.add_parser("doctor", help="look whether this machine has what Limelight needs")
    doctor.set_defaults(command=_doctor)
    if command == "run":
        from streamer.commands.run import add_arguments

        add_arguments(run)
    if command == "say":
        from streamer.commands.say import add_arguments as add_say_arguments

        add_say_arguments(say)
    if command == "dub":
        from streamer.commands.dub import add_arguments as add_dub_arguments

        add_dub_arguments(dub)
    if command == "portrait":
        from streamer.commands.portrait import add_arguments as add_portrait_arguments

        add_portrait_arguments(portrait)
    if command == "doctor":
        from streamer.commands.doctor import add_arguments as add_doctor_arguments

        add_doctor_arguments(doctor, cache=_cache_folder())
    bench = commands.add_parser("bench", help="measure something on this machine")
    bench.add_argument("name", help="one of tests/bench, such as engine; without: list them", nargs="?")
    bench.add_argument("rest", nargs=argparse.REMAINDER, help="options of that benchmark, such as --json")
    bench.set_defaults(command=_bench)
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from streamer.commands.run import options_from, run

    try:
        options = options_from(arguments, cache=_cache_folder())
        if options.captions is not None:
            _fetch(options.captions.stt, _cache_folder())
    except (ValueError, OSError) as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 2
    return run(options)


def _say(arguments: argparse.Namespace) -> int:
    from streamer.commands.say import options_from, run

    options = _sensible(options_from, arguments)
    return 2 if options is None else run(options)


def _dub(arguments: argparse.Namespace) -> int:
    from streamer.commands.dub import options_from, run

    options = _sensible(options_from, arguments)
    return 2 if options is None else run(options)


def _portrait(arguments: argparse.Namespace) -> int:
    from streamer.commands.portrait import options_from, run

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
    from streamer.commands.doctor import options_from, run

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
    from streamer.loaded import Loaded
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
    loaded = Loaded(options, metrics)
    sessions = Sessions(loaded.session, capacity=options.sessions, idle_s=options.idle_s, longest_s=options.longest_s)
    metrics.gauge("limelight_sessions", "Open sessions", lambda: len(sessions))
    metrics.gauge("limelight_tasks", "Tasks on the event loop", lambda: len(asyncio.all_tasks()))
    metrics.gauge("limelight_queued_seconds", "Sound waiting in microphone channels", sessions.queued_seconds)
    hosts = frozenset(LOOPBACK) if options.local else None
    access = Access(token=options.token, hosts=hosts, origins=options.origins)
    studio = Studio(
        sessions=sessions,
        metrics=metrics,
        access=access,
        ice_servers=options.ice_servers,
        cast=options.cast,
        tracks_faces=options.face_model is not None,
    )
    print(f"Limelight is at {options.url(listener.getsockname()[1])}", flush=True)
    await serve(
        studio, listener, load=loaded.load, improve=loaded.improve, close=loaded.close, tls=options.tls, drain_s=DRAIN_S
    )
    return 0
