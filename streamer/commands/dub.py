"""`limelight dub IN LINES OUT`: subtitles spoken over a film, each in its slot; what it may be told, and doing it.

All lines are spoken first, then the file goes through the same door as for `limelight run`: the picture is copied and
the sound keeps its length. Reads neither argv nor the environment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from models.tts.lexicon import Lexicon
from models.tts.types import Controls
from streamer.commands import spoken
from streamer.commands.dubbing import DubStage, SpokenLine, laid, spoken_in
from streamer.commands.outcome import Outcome, carry_out
from streamer.commands.say import NO_LEXICON, add_voice_arguments, controls_from, left_out, lexicon_from
from streamer.frame import SOUND_HZ, FormatError
from streamer.pipeline import SoundPath
from streamer.progress import Step, as_time, shown
from streamer.text.cue_files import cues_in, decoded
from streamer.text.cues import Cue
from streamer.transports.file import FileJob, Report, run_file
from streamer.transports.file.door import land_of
from streamer.transports.file.recording import starts_at
from streamer.transports.file.silence import with_silence

__all__ = ["DubOptions", "add_arguments", "options_from", "run"]

MOST_LOWER_DB = 60.0
TOLD = 10  # lines that do not fit
NOTICED_S = 0.05


@dataclass(frozen=True, slots=True)
class DubOptions:
    """Which lines over which file. `lower_db`: by how much its sound goes down under them; None: it is dropped."""

    job: FileJob
    lines: Sequence[Cue]
    controls: Controls
    lexicon: Lexicon = NO_LEXICON
    lower_db: float | None = 15.0
    timing: Path | None = None
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.job.source == "-":
            raise ValueError("dubbing looks at IN twice, which standard input cannot be: name a file")
        if self.lower_db is not None and not 0 <= self.lower_db <= MOST_LOWER_DB:
            raise ValueError(f"--lower is 0 to {MOST_LOWER_DB:g} dB, not {self.lower_db:g}")
        if self.timing is not None and self.timing.exists() and not self.job.force:
            raise ValueError(f"{self.timing} exists; say --force to replace it")

    def stage(self, lines: Sequence[SpokenLine], start: int) -> DubStage:
        """What mixes them into the track that begins `start` samples after the film."""
        gain = 0.0 if self.lower_db is None else 1.0
        under = 0.0 if self.lower_db is None else 10 ** (-self.lower_db / 20)
        return DubStage(laid(lines), gain=gain, under=under, start=start)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `limelight dub`."""
    parser.add_argument("source", metavar="IN", help="the film, or any recording")
    parser.add_argument("lines", metavar="LINES", type=Path, help="what to say when: a .srt or .vtt file")
    parser.add_argument("target", metavar="OUT", help="the result, of the kind that its name says")
    add = parser.add_argument_group("the sound of IN").add_argument
    add("--lower", type=float, default=15.0, metavar="DB", help="by how much it goes down while a line is spoken (15)")
    add("--replace", action="store_true", help="drop it: the lines alone are heard")
    add("--stream", type=int, default=1, metavar="N", help="the track of sound to dub, from 1; others are copied")
    add = parser.add_argument_group("how to write it").add_argument
    add("--timing", type=Path, metavar="FILE", help="also write when each line and word is heard, as JSON")
    add("--force", action="store_true", help="replace what exists")
    add("--audio-codec", metavar="NAME", help="such as aac, opus, flac (default: that of IN)")
    add("--format", metavar="NAME", help="the container, such as mp4, matroska (default: by OUT's name)")
    add("--quiet", action="store_true", help="no bar and no summary; warnings and errors only")
    add_voice_arguments(parser)


def options_from(given: argparse.Namespace) -> DubOptions:
    """The options in what argparse made of the command line.

    Raises:
        ValueError: they do not make sense, or a subtitle cannot be read; the text says what would.
        OSError: a file cannot be read.
    """
    job = FileJob(
        source=given.source,
        target=given.target,
        container=given.format,
        audio_codec=given.audio_codec,
        track=given.stream,
        force=given.force,
    )
    lines = cues_in(decoded(given.lines.read_bytes(), str(given.lines)), str(given.lines))
    lower_db = None if given.replace else given.lower
    return DubOptions(job, lines, controls_from(given), lexicon_from(given), lower_db, given.timing, given.quiet)


def run(options: DubOptions) -> int:
    """Do it, showing how far it is on standard error; returns the exit status."""
    return carry_out(lambda: _run(options), quiet=options.quiet)


async def _run(options: DubOptions) -> Outcome:
    started = time.monotonic()
    land_of(options.job).discard()  # what cannot be written is said before anything is spoken
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="limelight-")))
        job = await asyncio.to_thread(_with_sound, options.job, folder)
        start_s = await asyncio.to_thread(starts_at, Path(job.source), track=job.track or 1)
        lines = await _spoken(options)
        if not lines:
            raise FormatError("none of the lines can be spoken; the voice speaks English")
        tell = (lambda _: None) if options.quiet else stack.enter_context(shown(f"writing {job.target}"))
        stage = options.stage(lines, round(start_s * SOUND_HZ))
        report = await run_file(job, make_path=lambda _channels: SoundPath([stage]), progress=tell)
    if options.timing is not None:
        text = json.dumps({"lines": [line.as_json() for line in lines]}, ensure_ascii=False, indent=1)
        options.timing.write_text(text + "\n", encoding="utf-8")
    return _outcome(options, lines, replace(report, elapsed_s=time.monotonic() - started))


def _with_sound(job: FileJob, folder: Path) -> FileJob:
    """The same, of a copy with a silent track where the film has no sound."""
    film = Path(job.source)
    if not film.is_file():
        raise FormatError(f"{film}: there is no such file")
    copy = with_silence(film, folder)
    return job if copy is None else replace(job, source=str(copy))


async def _spoken(options: DubOptions) -> list[SpokenLine]:
    started, total_s = time.monotonic(), options.lines[-1].end_s
    with ExitStack() as stack:
        speaker = stack.enter_context(closing(stack.enter_context(spoken.voice_alone()).speaker()))
        tell = (lambda _: None) if options.quiet else stack.enter_context(shown("speaking"))
        lines = []
        for number, cue in enumerate(options.lines, 1):
            line = await spoken_in(cue, speaker, lexicon=options.lexicon, controls=options.controls, number=number)
            lines += [line] if line else []
            tell(Step(cue.end_s, total_s, time.monotonic() - started))
        return lines


def _outcome(options: DubOptions, lines: Sequence[SpokenLine], report: Report) -> Outcome:
    quicker = sum(line.speed > 1 for line in lines)
    late = [line for line in lines if line.late_s]
    warnings = [line.complaint for line in late[:TOLD]]
    warnings += [f"{len(late) - TOLD} more lines are longer than their slots"] if len(late) > TOLD else []
    cut = [line.number for line, following in pairwise(lines) if line.end_s > following.cue.start_s + NOTICED_S]
    warnings += [f"cut off where the next line begins: {', '.join(map(str, cut))}"] if cut else []
    ended = [line for line in lines if line.end_s > report.seconds]
    warnings += [f"{len(ended)} lines go on after the end of the sound, and were cut there"] if ended else []
    unspoken = dict.fromkeys(piece for line in lines for piece in line.times.unspoken)
    silent = len(options.lines) - len(lines)
    kept = f"; {silent} with nothing to say" if silent else ""
    summary = f"{options.job.target}: {len(lines)} lines in {as_time(report.seconds)}, {quicker} of them quicker{kept}"
    pace = f"made in {report.elapsed_s:.1f} s ({report.speed:.1f}× real time)"
    return Outcome(f"{summary}; {pace}", (*warnings, *left_out(unspoken), *report.warnings))
