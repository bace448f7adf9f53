"""`limelight run IN OUT`: what it may be told, and doing it: settings -> stages -> the file door, with a bar.

Reads neither argv nor the environment; the composition root hands over what it was given.
"""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streamer.commands.anchor_options import add_anchor_arguments, anchor_from
from streamer.commands.outcome import Outcome, carry_out
from streamer.commands.run_captions import CaptionsWanted, Said, beside, is_text, listen, put_in, write_text
from streamer.commands.run_sound import PATIENCE_S, Stages
from streamer.progress import as_time, shown
from streamer.settings import Settings, merge
from streamer.stages.anchor import AnchorWanted
from streamer.transports.file import FileJob, Report, run_file
from streamer.transports.file.door import land_of

__all__ = ["RunOptions", "add_arguments", "options_from", "run"]

EXAMPLES = "limelight run IN OUT --clean, limelight run talk.mp4 talk.srt --captions"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What to do with which file. `clean`: the strength 0…1; `level`: LUFS; `limit`: dBFS; None: not at all.

    `pitch`, `formants`: semitones by which the voice is changed.

    `cache`: where a server has left compiled models and what it fetched, which then serve here as well.

    Raises:
        SettingsError: a figure is out of range.
        ValueError: nothing is to be done.
    """

    job: FileJob
    clean: float | None = None
    level: float | None = None
    limit: float | None = None
    pitch: float | None = None
    formants: float | None = None
    captions: CaptionsWanted | None = None
    anchor: AnchorWanted | None = None
    video_codec: str | None = None
    quiet: bool = False
    cache: Path | None = None

    def __post_init__(self) -> None:
        if not (self.changes_sound or self.captions or self.anchor or is_text(self.job)):
            raise ValueError(f"nothing to do; add --clean, --level, --limit, --captions or --anchor, as in: {EXAMPLES}")
        _ = self.settings  # out of range is said now, not when the file has been opened
        if reason := self._disagreement():
            raise ValueError(reason)

    @property
    def changes_sound(self) -> bool:
        return any(told is not None for told in (self.clean, self.level, self.limit, self.pitch, self.formants))

    def _disagreement(self) -> str:
        """Why captions and the files named do not go together, or nothing."""
        how, text = self.captions and self.captions.how, is_text(self.job)
        if self.anchor and (self.changes_sound or self.captions or self.job.sound_only):
            return "--anchor makes a film of IN's voice as it is: clean or caption in a run before or after"
        if text and how != "text":
            return f"{self.job.target} holds text alone: say --captions and neither burn nor soft"
        if text and self.changes_sound:
            return f"{self.job.target} holds text alone, and captions are made from the sound as it is: no --clean here"
        if how == "text" and not text:
            return (
                f"--captions alone writes text, which {self.job.target} is not: "
                "name it .srt, .vtt, .txt or .json, or say --captions burn or --captions soft"
            )
        if how in ("burn", "soft") and self.job.source == "-":
            return f"--captions {how} reads IN twice, which standard input cannot be: name a file"
        if how == "burn" and self.job.sound_only:
            return "--captions burn draws into the picture, which --sound-only leaves out"
        return ""

    @property
    def settings(self) -> Settings:
        """The same as a session's."""
        part: dict[str, Any] = {
            "enhance": {"on": self.clean is not None} | _if_told("strength", self.clean),
            "changer": {"on": self.pitch is not None or self.formants is not None}
            | _if_told("pitch", self.pitch)
            | _if_told("formants", self.formants),
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


def _captions(text: str) -> str:
    if text not in ("text", "burn", "soft"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither burn nor soft; for text alone IN and OUT come first, as in: IN OUT.srt --captions"
        )
    return text


def _if_told(name: str, value: float | None) -> dict[str, float]:
    return {} if value is None else {name: value}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `limelight run`."""
    add = parser.add_argument
    add("source", metavar="IN", help="any recording, with or without picture; - reads standard input")
    add("target", metavar="OUT", help="the result, of the kind that its name says; - writes standard output")
    does = parser.add_argument_group("what to do (at least one, or --anchor)")
    does.add_argument("--clean", action="store_true", help="take noise and room away")
    does.add_argument(
        "--strength", type=_figure, metavar="S", help="how much of the noise goes, 0 to 1 (1); means --clean"
    )
    does.add_argument(
        "--level", type=_figure, nargs="?", const=-18.0, metavar="LUFS", help="bring speech to one loudness (-18)"
    )
    does.add_argument("--limit", type=_figure, nargs="?", const=-1.0, metavar="DB", help="keep peaks below (-1 dBFS)")
    does.add_argument("--pitch", type=_figure, metavar="ST", help="a higher or lower voice: -12 to 12 semitones")
    does.add_argument("--formants", type=_figure, metavar="ST", help="a brighter or darker one: -12 to 12 semitones")
    does.add_argument(
        "--captions",
        type=_captions,
        nargs="?",
        const="text",
        metavar="burn|soft",
        help="write what is said: alone, as .srt, .vtt, .txt or .json; burn: into the picture; soft: a stream of text",
    )
    add_anchor_arguments(parser)
    how = parser.add_argument_group("how to write it")
    how.add_argument(
        "--stt", choices=("limelight", "emformer"), default="limelight", help="recogniser of the captions (limelight)"
    )
    how.add_argument(
        "--video-codec", metavar="NAME", help="of a picture that is drawn or drawn into (libvpx-vp9, in any container)"
    )
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
    wanted = None
    if given.captions is not None:
        wanted = CaptionsWanted(given.captions, stt=given.stt, codec=given.video_codec)
    return RunOptions(
        job,
        clean=clean,
        level=given.level,
        limit=given.limit,
        pitch=given.pitch,
        formants=given.formants,
        captions=wanted,
        anchor=anchor_from(given),
        video_codec=given.video_codec,
        quiet=given.quiet,
        cache=cache,
    )


def run(options: RunOptions) -> int:
    """Do it, showing how far it is on standard error; returns the exit status."""
    return carry_out(lambda: _run(options), quiet=options.quiet)


async def _run(options: RunOptions) -> Outcome:
    if options.anchor is not None:
        return await _anchored(options, options.anchor)
    if options.captions is None:
        report = await _processed(options, options.job)
        return Outcome(_summary(options.job, report), report.warnings)
    return await _captioned(options, options.captions)


async def _processed(options: RunOptions, job: FileJob) -> Report:
    """Sound changed, everything else copied."""
    with ExitStack() as stack:
        tell = (lambda _: None) if options.quiet else stack.enter_context(shown(job.source))
        stages = Stages(options.settings, options.cache and options.cache / "compiled")
        stack.callback(stages.close)
        report = await run_file(job, make_path=stages.path, progress=tell)
    dry = tuple(
        f"{stage} failed on {hops} hops of 10 ms, which passed as they were" for stage, hops in stages.failed.items()
    )
    return replace(report, warnings=report.warnings + dry)


async def _anchored(options: RunOptions, wanted: AnchorWanted) -> Outcome:
    from streamer.commands.run_anchor import anchored

    started = time.monotonic()
    with ExitStack() as stack:
        title = f"drawing {options.job.target}"
        tell = (lambda _: None) if options.quiet else stack.enter_context(shown(title))
        spoken = await anchored(options.job, wanted, codec=options.video_codec, tell=tell)
    took_s = time.monotonic() - started
    pace = f"{took_s:.1f} s ({spoken.seconds / took_s:.1f}× real time)"
    return Outcome(f"{options.job.target}: {wanted.character} speaks for {as_time(spoken.seconds)}, made in {pace}", ())


async def _captioned(options: RunOptions, wanted: CaptionsWanted) -> Outcome:
    job, started = options.job, time.monotonic()
    land_of(job).discard()  # what cannot be written is said before anybody listens for an hour
    said = await _heard(options, wanted)
    warnings = list(said.warnings)
    if wanted.how == "text":
        write_text(job, said)
    elif not options.changes_sound:
        warnings += await _put_in(options, job, said, wanted)
    else:
        with beside(job) as between:
            warnings += (await _processed(options, between)).warnings
            warnings += await _put_in(options, replace(job, source=between.target), said, wanted)
    took_s = time.monotonic() - started
    pace = f"{took_s:.1f} s ({said.seconds / took_s:.1f}× real time)"
    summary = f"{job.target}: {said.words} words in {as_time(said.seconds)}, made in {pace}"
    return Outcome(summary, tuple(warnings))


async def _heard(options: RunOptions, wanted: CaptionsWanted) -> Said:
    from streamer.stages.stt import scribe_alone  # torch takes seconds: bad options and files are told before that

    assert options.cache is not None
    with ExitStack() as stack:
        scribe = stack.enter_context(scribe_alone(wanted.stt, cache=options.cache, patience_s=PATIENCE_S))
        title = f"listening to {options.job.source}"
        tell = (lambda _: None) if options.quiet else stack.enter_context(shown(title))
        return await listen(options.job, scribe, tell=tell)


async def _put_in(options: RunOptions, job: FileJob, said: Said, wanted: CaptionsWanted) -> list[str]:
    with ExitStack() as stack:
        tell = (lambda _: None) if options.quiet else stack.enter_context(shown(f"writing {options.job.target}"))
        return await put_in(job, said, wanted, tell=tell)


def _summary(job: FileJob, report: Report) -> str:
    tracks = "; ".join(report.tracks)
    copied = f"; copied {', '.join(report.copied)}" if report.copied else ""
    return (
        f"{job.target}: {as_time(report.seconds)} of sound in {report.elapsed_s:.1f} s"
        f" ({report.speed:.1f}× real time); {tracks}{copied}"
    )
