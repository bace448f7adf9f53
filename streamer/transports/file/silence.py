"""A film without sound, given a silent track: what lines are laid over needs one. Blocking; knows no lines."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream

from streamer.frame import SOUND_HZ
from streamer.transports.file.codecs import add_copy
from streamer.transports.file.door import explained
from streamer.transports.file.source import opened

__all__ = ["with_silence"]

HOLDS: Mapping[str, tuple[str, str]] = {"mov": ("mov", "aac"), "mpegts": ("mpegts", "aac"), "flv": ("flv", "aac")}
OTHERS = ("matroska", "libopus")
BLOCK = SOUND_HZ // 10


def with_silence(film: Path, folder: Path) -> Path | None:
    """A copy of it in `folder`, pictures and subtitles as they were, with silence as long as they are; None where the
    film has sound, or no picture.

    Raises:
        FormatError: it is no media, or there is no room for the copy.
    """
    with opened(film, str(film)) as given:
        if given.streams.audio or not given.streams.video:
            return None
        kind, codec = HOLDS.get(given.format.name.split(",")[0], OTHERS)
        copy = folder / film.name
        with explained(str(copy)), av.open(copy, "w", format=kind, metadata_errors="replace") as out:
            _copy(given, out, codec)
    return copy


def _copy(given: InputContainer, out: OutputContainer, codec: str) -> None:
    streams = [stream for stream in given.streams if stream.type in ("video", "subtitle")]
    copies: dict[int, Stream] = {stream.index: add_copy(out, stream) for stream in streams}
    sound = cast(AudioStream, out.add_stream(codec, rate=SOUND_HZ, layout="mono", bit_rate=64_000))
    out.metadata.update(given.metadata)
    out.set_chapters(given.chapters())
    silent = 0
    for packet in given.demux(streams):
        if packet.dts is None:
            continue
        end_s = ((packet.pts or packet.dts) + (packet.duration or 0)) * Fraction(packet.time_base)
        packet.stream = copies[packet.stream_index]
        out.mux(packet)
        while silent < end_s * SOUND_HZ:  # with the pictures, or the muxer holds the one back for the other
            silent += _silence(out, sound, silent)
    out.mux(sound.encode(None))


def _silence(out: OutputContainer, sound: AudioStream, at: int) -> int:
    block = av.AudioFrame.from_ndarray(np.zeros((1, BLOCK), np.float32), format="fltp", layout="mono")
    block.sample_rate, block.pts, block.time_base = SOUND_HZ, at, Fraction(1, SOUND_HZ)
    out.mux(sound.encode(block))
    return BLOCK
