"""What captions are like on recordings: how soon words come and how often they change, and how many are invented.

    limelight bench captions FOLDER [--stt limelight] [--most-s 60]

FOLDER holds recordings. Those that `--silent GLOB` names have no speech: words there are invented. Delays are from a
word's end to its showing, in seconds of sound: computing time is told beside them. Where `NAME.align` (GRID:
start, end, word, in 1/25000 s) lies beside a recording, the starts and ends of words heard rightly are held against it.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from models.stt.scoring import spoken_words
from streamer.frame import HOP, SOUND_HZ, AudioFrame
from streamer.stages.recognise import TimedWord
from streamer.stages.scribe import Scribe
from streamer.stages.stt import scribe_alone
from streamer.transports.file.recording import open_recording
from tests.bench._table import show

ENDINGS = (".opus", ".wav", ".flac", ".mp3", ".m4a", ".mp4", ".mkv")
ALIGN_HZ = 25_000
NEAR_S = 0.4  # a word so far from the one aligned is another


@dataclass(slots=True)
class Tally:
    """Of some recordings: seconds of sound and of computing; delays and errors of words in seconds; how many words."""

    sound_s: float = 0.0
    took_s: float = 0.0
    words: int = 0
    shown: int = 0
    revised: int = 0
    first_s: list[float] = field(default_factory=list)
    committed_s: list[float] = field(default_factory=list)
    boundary_s: list[float] = field(default_factory=list)


async def hear(path: Path, scribe: Scribe, tally: Tally, *, most_s: float) -> None:
    """One recording, hop by hop as it would come live."""
    recording = await open_recording(path, name=path.name)
    seen: dict[str, float] = {}
    said: list[TimedWord] = []
    started = time.perf_counter()
    async for frame in recording.frames():
        for at in range(0, frame.samples.shape[1], HOP):
            hop = AudioFrame(frame.pts + at, frame.samples[:, at : at + HOP])
            for caption in await scribe.hear(hop):
                _count(caption.committed, caption.tail, hop.end / SOUND_HZ, seen, tally)
                said += caption.committed
        if recording.seconds > most_s:
            break
    for caption in await scribe.end():
        _count(caption.committed, (), recording.seconds, seen, tally)
        said += caption.committed
    recording.close()
    tally.took_s += time.perf_counter() - started
    tally.sound_s += recording.seconds
    if (aligned := path.with_suffix(".align")).exists():
        tally.boundary_s += boundary_errors_s(aligned.read_text(), said)


def boundary_errors_s(aligned: str, said: Sequence[TimedWord]) -> list[float]:
    """How far starts and ends of the words are from those aligned by hand or machine; words not heard are left out."""
    errors: list[float] = []
    for start, end, word in (line.split() for line in aligned.splitlines()):
        start_s, end_s = int(start) / ALIGN_HZ, int(end) / ALIGN_HZ
        for heard in said:
            off = abs(heard.start_s - start_s), abs(heard.end_s - end_s)
            if spoken_words(heard.text) == spoken_words(word) and min(off) < NEAR_S:
                errors += off
                break
    return errors


def _count(
    committed: Sequence[TimedWord], tail: Sequence[TimedWord], now_s: float, seen: dict[str, float], tally: Tally
) -> None:
    """`seen`: when a word was first shown, by its text and place."""
    for word in (*committed, *tail):
        if _key(word) not in seen:
            seen[_key(word)] = now_s
            tally.shown += 1
    for word in committed:
        tally.words += 1
        tally.first_s.append(seen[_key(word)] - word.end_s)
        tally.committed_s.append(now_s - word.end_s)
    tally.revised = tally.shown - tally.words


def _key(word: TimedWord) -> str:
    return f"{word.text}@{word.end_s:.0f}"


async def measure(paths: Sequence[Path], arguments: argparse.Namespace) -> dict[str, Tally]:
    """By kind: "speech", or the glob that the recording's name fits."""
    tallies: dict[str, Tally] = {}
    with scribe_alone(arguments.stt, cache=arguments.cache, patience_s=600.0) as scribe:
        for path in paths:
            fits = (glob for glob in arguments.silent if fnmatch(str(path), f"*{glob}*"))
            await hear(path, scribe, tallies.setdefault(next(fits, "speech"), Tally()), most_s=arguments.most_s)
    return tallies


def row(kind: str, tally: Tally) -> dict[str, str | float]:
    return {
        "recordings": kind,
        "sound s": tally.sound_s,
        "words an hour": tally.words / tally.sound_s * 3600,
        "first ms p50/p95": _quantiles(tally.first_s),
        "committed ms p50/p95": _quantiles(tally.committed_s),
        "word boundary off by ms p50/p95": _quantiles(tally.boundary_s),
        "revised a word": tally.revised / max(1, tally.words),
        "computing s/s": tally.took_s / tally.sound_s,
    }


def _quantiles(delays_s: Sequence[float]) -> str:
    return "/".join(f"{1000 * value:.0f}" for value in np.quantile(delays_s, (0.5, 0.95))) if delays_s else "–"


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="limelight bench captions", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stt", choices=("limelight", "emformer"), default="limelight")
    parser.add_argument("--silent", nargs="*", default=["noise/"], metavar="GLOB", help="recordings without speech")
    parser.add_argument("--most-s", type=float, default=60.0, help="seconds heard of each recording")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each Nth recording")
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "limelight")
    arguments = parser.parse_args(argv)
    paths = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in ENDINGS)[:: arguments.every]
    if not paths:
        parser.error(f"no recordings in {arguments.folder}")
    tallies = asyncio.run(measure(paths, arguments))
    show([row(kind, tally) for kind, tally in sorted(tallies.items())], title="Captions", as_json=arguments.json)
    return 0
