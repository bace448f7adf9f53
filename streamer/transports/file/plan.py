"""What becomes of each stream of IN in OUT: processed, copied or left out, decided before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import av
from av.container import OutputContainer
from av.stream import Stream

from streamer.frame import FormatError
from streamer.transports.file.codecs import Encoding, add_copy, add_sound, choose, objection
from streamer.transports.file.source import SoundTrack, Source, is_picture

__all__ = ["FileJob", "Plan", "container_of", "describe", "make_plan"]

_SOUND_ONLY = frozenset({"flac", "mp3", "aiff"})  # their pictures are covers
_SOUND_SUFFIXES = frozenset({".m4a", ".m4b", ".mka", ".oga", ".opus", ".weba"})


@dataclass(frozen=True, slots=True)
class FileJob:
    """What `limelight run` is asked to do with files; `-` is a pipe. `track` counts sound tracks from 1; None: all."""

    source: str
    target: str
    container: str | None = None
    audio_codec: str | None = None
    track: int | None = None
    sound_only: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        if self.track is not None and self.track < 1:
            raise ValueError(f"sound tracks are counted from 1, so there is none numbered {self.track}")


@dataclass(frozen=True, slots=True)
class Plan:
    """`notes` says in words what is left out and why."""

    container: str
    sound: Sequence[tuple[SoundTrack, Encoding]]
    copied: Sequence[Stream]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Kind:
    """The container of OUT."""

    name: str
    default: str
    moving: bool


def _kind(job: FileJob, *, has_video: bool) -> _Kind:
    """What OUT's name or `--format` asks for; for a pipe, a container that can be streamed."""
    fallback = ("matroska" if has_video else "wav") if job.target == "-" else None
    name = job.container or fallback
    try:
        with av.open("out" if name else job.target, "w", format=name) as probe:
            found, default, video = probe.format.name, probe.default_audio_codec, probe.default_video_codec
    except ValueError:
        wrong = f"no container is called {name!r}" if name else f"{job.target}: its name does not tell the container"
        raise FormatError(f"{wrong}; use e.g. .mp4 .mkv .webm .wav .flac .m4a .opus, or --format") from None
    if default == "none":
        raise FormatError(f"{found} holds no sound; use e.g. .mp4 .mkv .webm .wav .flac .m4a .opus")
    moving = video != "none" and found not in _SOUND_ONLY and not job.target.lower().endswith(tuple(_SOUND_SUFFIXES))
    # The muxer called ipod is the one for mp4 with another brand, and refuses covers that the other takes.
    return _Kind("mp4" if found == "ipod" else found, default, moving and not job.sound_only)


def container_of(job: FileJob) -> str:
    """The container that OUT's name or `--format` asks for.

    Raises:
        FormatError: there is none, or it holds no sound.
    """
    return _kind(job, has_video=True).name


def make_plan(source: Source, job: FileJob) -> Plan:
    """Decide.

    Raises:
        FormatError: a stream that matters cannot go in the container, or the whole cannot.
    """
    kind = _kind(job, has_video=any(_is_video(stream) for stream in source.others))
    sound = [(track, choose(track.shape, kind.name, kind.default, job.audio_codec)) for track in source.tracks]
    copied: list[Stream] = []
    notes: list[str] = []
    for stream in source.others:
        reason = _left_out(stream, kind, sound)
        if reason:
            notes.append(f"left out {describe(stream)}: {reason}")
        else:
            copied.append(stream)
    _check_together(kind.name, sound, copied)
    return Plan(kind.name, sound, copied, notes)


def _left_out(stream: Stream, kind: _Kind, sound: Sequence[tuple[SoundTrack, Encoding]]) -> str:
    """Why a stream is not copied, or an empty string.

    Raises:
        FormatError: it is moving pictures, which nobody wants to lose unasked.
    """
    if not kind.moving and not is_picture(stream):
        return "OUT is for sound only"
    if is_picture(stream) and kind.name == "matroska":
        return ""  # becomes an attachment
    reason = _objection(kind.name, sound[:1], [stream])
    if reason and _is_video(stream):
        raise FormatError(
            f"{describe(stream)} cannot be copied into {kind.name}; write .mkv, or leave the picture out: --sound-only"
        )
    return f"{kind.name} cannot hold it" if reason else ""


def _objection(container: str, sound: Sequence[tuple[SoundTrack, Encoding]], copied: Sequence[Stream]) -> str:
    def add(out: OutputContainer) -> None:
        for _, encoding in sound:
            add_sound(out, encoding)
        for stream in copied:
            if not (is_picture(stream) and container == "matroska"):
                add_copy(out, stream)

    return objection(container, add)


def _check_together(container: str, sound: Sequence[tuple[SoundTrack, Encoding]], copied: Sequence[Stream]) -> None:
    reason = _objection(container, sound, copied)
    if reason and len(sound) > 1:
        raise FormatError(f"{container} cannot hold {len(sound)} sound tracks; choose one with --stream, or write .mka")
    if reason:
        raise FormatError(f"these streams cannot go in {container} together: {reason}")


def _is_video(stream: Stream) -> bool:
    return stream.type == "video" and not is_picture(stream)


def describe(stream: Stream) -> str:
    """A stream in words."""
    kind = "cover image" if is_picture(stream) else f"{stream.type} stream"
    codec = stream.codec_context.name if stream.codec_context is not None else "unknown codec"
    return f"{kind} {stream.index} ({codec})"
