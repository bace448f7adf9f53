"""`limelight say TEXT -o OUT`: text spoken into a file, with the times of its words; what it may be told, and doing it.

Reads neither argv nor the environment; the composition root hands over what it was given.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, aclosing, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models.feelings import Marker, unmarked
from models.tts.lexicon import Lexicon, parse_lexicon
from models.tts.reader import Reader
from models.tts.types import Clause, Controls
from streamer.commands import spoken
from streamer.commands.anchor_options import add_anchor_arguments, anchor_from
from streamer.commands.outcome import Outcome, carry_out
from streamer.commands.spoken import Speaking, Times, narrated
from streamer.frame import FormatError
from streamer.progress import Step, as_time, shown
from streamer.stages.anchor import AnchorWanted
from streamer.stages.voice import Piece
from streamer.transports.file import FileJob
from streamer.transports.file.plan import container_of
from streamer.transports.file.sound_file import SoundFile

__all__ = ["NO_LEXICON", "SayOptions", "add_arguments", "add_voice_arguments", "controls_from"]
__all__ += ["left_out", "lexicon_from", "options_from", "run"]

LONGEST = 1_000_000  # characters: some eighteen hours
A_PIECE = 2_000
TOLD = 5  # of what could not be spoken
NO_LEXICON = Lexicon()


@dataclass(frozen=True, slots=True)
class SayOptions:
    """What to say into which file. `timing`: where the times of words and phones go as JSON.

    Raises:
        ValueError: it cannot be done; the text says why.
    """

    text: str
    job: FileJob
    controls: Controls
    lexicon: Lexicon = NO_LEXICON
    timing: Path | None = None
    quiet: bool = False
    anchor: AnchorWanted | None = None
    markers: tuple[Marker, ...] = ()

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("there is nothing to say: the text is empty")
        if len(self.text) > LONGEST:
            raise ValueError(f"the text has {len(self.text)} characters; at most {LONGEST} at once")
        if self.timing is not None and self.timing.exists() and not self.job.force:
            raise ValueError(f"{self.timing} exists; say --force to replace it")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `limelight say`."""
    parser.add_argument("text", metavar="TEXT", nargs="?", help="what to say; - reads standard input")
    parser.add_argument("--file", type=Path, metavar="FILE", help="say what this text file holds, in place of TEXT")
    add = parser.add_argument_group("how to write it").add_argument
    add(
        "-o",
        "--out",
        required=True,
        metavar="OUT",
        help="the sound, or with --anchor the film, of the kind that its name says; - writes it out",
    )
    add("--timing", type=Path, metavar="FILE", help="also write when each word and each phone is heard, as JSON")
    add("--force", action="store_true", help="replace what exists")
    add("--audio-codec", metavar="NAME", help="such as aac, opus, flac (default: that of the container)")
    add("--format", metavar="NAME", help="the container, such as wav, mp3, ogg (default: by OUT's name)")
    add("--quiet", action="store_true", help="no bar and no summary; warnings and errors only")
    add_voice_arguments(parser)
    add_anchor_arguments(parser)


def add_voice_arguments(parser: argparse.ArgumentParser) -> None:
    """How the voice sounds."""
    add = parser.add_argument_group("the voice").add_argument
    add("--speed", type=float, default=1.0, metavar="X", help="0.5 to 2, 1 is the voice's own")
    add("--pitch", type=float, default=0.0, metavar="SEMITONES", help="-12 to 12")
    add("--loudness", type=float, default=0.0, metavar="DB", help="-12 to 12")
    add("--pause", type=float, default=1.0, metavar="X", help="how long pauses last: 0 to 3 times the voice's own")
    add("--lexicon", type=Path, metavar="FILE", help="lines of a word and how it is said: nginx engine x")


def controls_from(given: argparse.Namespace) -> Controls:
    """How the voice sounds.

    Raises:
        ValueError: a figure is out of bounds.
    """
    return Controls(given.speed, given.pitch, given.loudness, given.pause)


def lexicon_from(given: argparse.Namespace) -> Lexicon:
    """The user's lexicon, or an empty one.

    Raises:
        ValueError: a line is none, or the file is no text; OSError: it cannot be read.
    """
    return NO_LEXICON if given.lexicon is None else parse_lexicon(_text_in(given.lexicon))


def options_from(given: argparse.Namespace) -> SayOptions:
    """The options in what argparse made of the command line.

    Raises:
        ValueError: they do not make sense; the text says what would.
        OSError: a file cannot be read.
    """
    job = FileJob("-", given.out, container=given.format, audio_codec=given.audio_codec, force=given.force)
    container_of(job)
    if (given.text is None) == (given.file is None):
        raise ValueError('say either TEXT or --file FILE, as in: limelight say "Good evening." -o evening.wav')
    text = _text_in(given.file) if given.file else given.text
    if text == "-":
        text = sys.stdin.buffer.read(4 * LONGEST + 4).decode("utf-8-sig", errors="replace")
    anchor = anchor_from(given)
    text, markers = unmarked(text) if anchor is not None else (text, ())
    lexicon = lexicon_from(given)
    return SayOptions(text, job, controls_from(given), lexicon, given.timing, given.quiet, anchor, markers)


def _text_in(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text in UTF-8; save it as that") from None


def run(options: SayOptions) -> int:
    """Do it, showing how far it is on standard error; returns the exit status."""
    return carry_out(lambda: _run(options), quiet=options.quiet)


class _File(Protocol):
    """What is written while it is said."""

    def push(self, piece: Piece) -> None: ...

    def finish(self) -> None: ...


@contextmanager
def _file(options: SayOptions) -> Iterator[_File]:
    if options.anchor is None:
        with SoundFile(options.job) as file:
            yield _SoundOnly(file)
        return
    from streamer.commands.film import Film, SpokenFilm

    with Film(options.job, options.anchor) as film:
        yield SpokenFilm(film, options.markers)


@dataclass(frozen=True, slots=True)
class _SoundOnly:
    file: SoundFile

    def push(self, piece: Piece) -> None:
        self.file.push(piece.samples)

    def finish(self) -> None:
        self.file.finish()


async def _run(options: SayOptions) -> Outcome:
    started = time.monotonic()
    with ExitStack() as stack:
        file = stack.enter_context(_file(options))
        voice = stack.enter_context(spoken.voice_alone())
        tell = (lambda _: None) if options.quiet else stack.enter_context(shown("speaking"))

        def said(times: Times, share: float) -> None:
            tell(Step(times.seconds, times.seconds / share, time.monotonic() - started))

        times = await _spoken(options, voice, file, said)
        if not times.words:
            raise FormatError("; ".join(["nothing in this text can be spoken", *left_out(times.unspoken)]))
        await asyncio.to_thread(file.finish)
    if options.timing is not None:
        options.timing.write_text(json.dumps(times.as_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    took_s = time.monotonic() - started
    pace = f"made in {took_s:.1f} s ({times.seconds / took_s:.1f}× real time)"
    summary = f"{options.job.target}: {len(times.words)} words in {as_time(times.seconds)}, {pace}"
    return Outcome(summary, left_out(times.unspoken))


async def _spoken(options: SayOptions, voice: Speaking, file: _File, tell: Callable[[Times, float], None]) -> Times:
    times = Times()
    with closing(voice.speaker()) as speaker:
        for clause in _clauses(options.text, options.lexicon):
            async with aclosing(narrated(speaker, [clause], options.controls)) as pieces:
                async for piece in pieces:
                    await asyncio.to_thread(file.push, piece)
                    times.add(piece)
            tell(times, (clause.begin + len(clause.text)) / len(options.text))
    return times


def _clauses(text: str, lexicon: Lexicon) -> Iterator[Clause]:
    reader = Reader(lexicon)
    for begin in range(0, len(text), A_PIECE):
        yield from reader.push(text[begin : begin + A_PIECE])
    yield from reader.flush()


def left_out(unspoken: Collection[str]) -> tuple[str, ...]:
    """What to tell about text that could not be spoken: at most one line."""
    first = ", ".join(repr(piece) for piece in [*unspoken][:TOLD])
    more = f" and {len(unspoken) - TOLD} more" if len(unspoken) > TOLD else ""
    return (f"not spoken: {first}{more}",) if unspoken else ()
