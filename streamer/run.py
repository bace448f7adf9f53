"""`limelight run IN OUT`: what it may be told, and doing it: settings -> stages -> the file door, with a bar.

Reads neither argv nor the environment; the composition root hands over what it was given.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from streamer.frame import FormatError
from streamer.pipeline import SoundPath
from streamer.progress import as_time, shown
from streamer.settings import Settings, SettingsError, merge
from streamer.transports.file import FileJob, Report, run_file

__all__ = ["RunOptions", "add_arguments", "options_from", "run"]

EXAMPLE = "limelight run IN OUT --clean"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to do with which file. `clean`: the strength 0…1; `level`: LUFS; `limit`: dBFS; None: not at all.

    Raises:
        SettingsError: a figure is out of range.
        ValueError: nothing is to be done.
    """

    job: FileJob
    clean: float | None = None
    level: float | None = None
    limit: float | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.clean is self.level is self.limit is None:
            raise ValueError(f"nothing to do; add --clean, --level or --limit, as in: {EXAMPLE}")
        _ = self.settings  # out of range is said now, not when the file has been opened

    @property
    def settings(self) -> Settings:
        """The same as a session's."""
        part: dict[str, Any] = {
            "enhance": {"on": self.clean is not None} | _if_told("strength", self.clean),
            "level": {"on": self.level is not None} | _if_told("target_lufs", self.level),
            "limiter": {"on": self.limit is not None} | _if_told("ceiling_db", self.limit),
        }
        return merge(Settings(), part)


def _figure(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        # argparse takes what follows an option that may have a figure for that figure.
        raise argparse.ArgumentTypeError(
            f"{text!r} is no figure; put IN and OUT first, or use = as in --level=-18"
        ) from None


def _if_told(name: str, value: float | None) -> dict[str, float]:
    return {} if value is None else {name: value}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `limelight run`."""
    add = parser.add_argument
    add("source", metavar="IN", help="any recording, with or without picture; - reads standard input")
    add("target", metavar="OUT", help="the result, of the kind that its name says; - writes standard output")
    does = parser.add_argument_group("what to do (at least one)")
    does.add_argument("--clean", action="store_true", help="take noise and room away")
    does.add_argument(
        "--strength", type=_figure, metavar="S", help="how much of the noise goes, 0 to 1 (1); means --clean"
    )
    does.add_argument(
        "--level", type=_figure, nargs="?", const=-18.0, metavar="LUFS", help="bring speech to one loudness (-18)"
    )
    does.add_argument("--limit", type=_figure, nargs="?", const=-1.0, metavar="DB", help="keep peaks below (-1 dBFS)")
    how = parser.add_argument_group("how to write it")
    how.add_argument("--force", action="store_true", help="replace OUT if it exists")
    how.add_argument("--stream", type=int, metavar="N", help="only the Nth track of sound, from 1; others are copied")
    how.add_argument("--sound-only", action="store_true", help="leave picture, subtitles and the like out")
    how.add_argument("--audio-codec", metavar="NAME", help="such as aac, opus, flac, pcm_s24le (default: that of IN)")
    how.add_argument(
        "--format", metavar="NAME", help="the container, such as wav, mp4, matroska (default: by OUT's name)"
    )
    how.add_argument("--quiet", action="store_true", help="no bar and no summary; warnings and errors only")


def options_from(given: argparse.Namespace) -> RunOptions:
    """The options in what argparse made of the command line.

    Raises:
        ValueError: they do not make sense; the text says what would.
    """
    job = FileJob(
        source=given.source,
        target=given.target,
        container=given.format,
        audio_codec=given.audio_codec,
        track=given.stream,
        sound_only=given.sound_only,
        force=given.force,
    )
    told = 1.0 if given.clean else None
    clean = told if given.strength is None else given.strength
    return RunOptions(job, clean=clean, level=given.level, limit=given.limit, quiet=given.quiet)


def run(options: RunOptions) -> int:
    """Do it, showing how far it is on standard error; returns the exit status."""
    try:
        report = asyncio.run(_run(options))
    except (FormatError, SettingsError) as error:
        print(f"limelight: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("limelight: stopped; nothing was written", file=sys.stderr)
        return 130
    for warning in report.warnings:
        print(f"limelight: {warning}", file=sys.stderr)
    if not options.quiet:
        _summarise(options.job, report)
    return 0


async def _run(options: RunOptions) -> Report:
    task = asyncio.current_task()
    assert task is not None
    # As for Ctrl-C: the half-written file goes away first.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with ExitStack() as stack:
        tell = (lambda _: None) if options.quiet else stack.enter_context(shown(options.job.source))
        return await run_file(options.job, make_path=_stages(options.settings, stack), progress=tell)


def _stages(settings: Settings, stack: ExitStack) -> Callable[[int], SoundPath]:
    """Makes a sound path for some number of channels; its engines are closed with `stack`."""
    from streamer.device import Device  # torch takes seconds: bad options and files are told before that
    from streamer.stages.sound import SoundEngines
    from streamer.stages.sound import build_path

    device = Device()
    stack.callback(device.close)

    def make(channels: int) -> SoundPath:
        engines = SoundEngines.build(channels, slots=1, device=device)
        for engine in (engines.enhance, engines.level, engines.limiter):
            stack.callback(engine.close)
        return build_path(engines, channels=channels, settings=lambda: settings)

    return make


def _summarise(job: FileJob, report: Report) -> None:
    tracks = "; ".join(report.tracks)
    copied = f"; copied {', '.join(report.copied)}" if report.copied else ""
    print(
        f"{job.target}: {as_time(report.seconds)} of sound in {report.elapsed_s:.1f} s"
        f" ({report.speed:.1f}× real time); {tracks}{copied}",
        file=sys.stderr,
    )
