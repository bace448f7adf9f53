"""`limelight run IN OUT`: what it may be told, and doing it: settings -> stages -> the file door, with a bar.

Reads neither argv nor the environment; the composition root hands over what it was given.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import signal
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamer.frame import FormatError
from streamer.pipeline import SoundPath
from streamer.progress import as_time, shown
from streamer.settings import Settings, SettingsError, merge
from streamer.transports.file import FileJob, Report, run_file

if TYPE_CHECKING:
    from streamer.device import Device
    from streamer.engine import Engine

__all__ = ["RunOptions", "add_arguments", "options_from", "run"]

PATIENCE_S = 600.0  # nobody listens: a machine that is busy elsewhere makes us slow, not wrong
EXAMPLE = "limelight run IN OUT --clean"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to do with which file. `clean`: the strength 0…1; `level`: LUFS; `limit`: dBFS; None: not at all.

    `cache`: where a server has left compiled models, which then serve here as well.

    Raises:
        SettingsError: a figure is out of range.
        ValueError: nothing is to be done.
    """

    job: FileJob
    clean: float | None = None
    level: float | None = None
    limit: float | None = None
    quiet: bool = False
    cache: Path | None = None

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


def options_from(given: argparse.Namespace, *, cache: Path | None = None) -> RunOptions:
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
    return RunOptions(job, clean=clean, level=given.level, limit=given.limit, quiet=given.quiet, cache=cache)


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
        stages = _Stages(options)
        stack.callback(stages.close)
        report = await run_file(options.job, make_path=stages.path, progress=tell)
    dry = tuple(
        f"{stage} failed on {hops} hops of 10 ms, which passed as they were" for stage, hops in stages.failed.items()
    )
    return replace(report, warnings=report.warnings + dry)


class _Stages:
    """Sound paths for the tracks of one file, and the engines under them."""

    def __init__(self, options: RunOptions) -> None:
        self._settings, self._cache = options.settings, options.cache
        self._engines: list[Engine] = []
        self._device: Device | None = None
        self._adopting: list[asyncio.Task[None]] = []
        self.failed: Counter[str] = Counter()

    def path(self, channels: int) -> SoundPath:
        from streamer.device import Device  # torch takes seconds: bad options and files are told before that
        from streamer.stages.sound import SoundEngines, build_path

        self._device = self._device or Device()
        engines = SoundEngines.build(channels, slots=1, device=self._device)
        settings = self._settings
        three = (engines.enhance, engines.level, engines.limiter)
        self._engines += three
        for engine in itertools.compress(three, (settings.enhance.on, settings.level.on, settings.limiter.on)):
            engine.patience_s = PATIENCE_S
            self._adopting.append(asyncio.create_task(self._adopt(engine)))

        def failed(stage: str) -> None:
            self.failed[stage] += 1

        return build_path(engines, channels=channels, settings=lambda: settings, failed=failed)

    async def _adopt(self, engine: Engine) -> None:
        """Go on with the compiled step if one has been built before; building takes minutes, and files are short."""
        from streamer.compile import cache_key, compile_engine

        if self._cache is None:
            return
        key = await asyncio.to_thread(cache_key, engine.module, engine.example)
        if (self._cache / f"{engine.name}-{key}.pt2").exists():
            await compile_engine(engine, cache=self._cache)

    def close(self) -> None:
        for task in self._adopting:
            task.cancel()
        for engine in self._engines:
            engine.close()
        if self._device is not None:
            self._device.close()


def _summarise(job: FileJob, report: Report) -> None:
    tracks = "; ".join(report.tracks)
    copied = f"; copied {', '.join(report.copied)}" if report.copied else ""
    print(
        f"{job.target}: {as_time(report.seconds)} of sound in {report.elapsed_s:.1f} s"
        f" ({report.speed:.1f}× real time); {tracks}{copied}",
        file=sys.stderr,
    )
