"""Which encoder a track gets in which container, and what this build of the codecs can do at all.

By default sound keeps its codec, rate, width and channels; where the container or the encoder cannot, the nearest
thing that works. Every choice is tried on a container in memory before a file is touched.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, cast

import av
from av.audio.stream import AudioStream
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer
from av.stream import Stream

from streamer.frame import FormatError
from streamer.transports.file.resample import layout_for

__all__ = [
    "MP4_FAMILY",
    "Encoding",
    "TrackShape",
    "add_copy",
    "add_sound",
    "choose",
    "codecs_found",
    "objection",
    "open_encoder",
]

MP4_FAMILY = frozenset({"mp4", "mov", "ipod", "3gp", "3g2", "f4v", "psp", "ismv"})
# What the muxer would take by default is not always what people mean by the container.
_USUAL = {"matroska": "opus", "ogg": "opus", "mpegts": "aac", "flv": "aac", "mpeg": "mp2", "3gp": "aac"}
# It says yes to anything, and what is not among these nobody can read back.
_BROADCAST = frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "opus"})
_FALLBACKS = ("aac", "opus", "mp3", "flac", "pcm_s16le")
_BITS_PER_S = {"aac": 96_000, "opus": 64_000, "mp3": 96_000, "mp2": 128_000, "ac3": 96_000, "eac3": 96_000}
_KINDS = {"u8": 8, "s8": 8, "s16": 16, "s24": 24, "s32": 32, "f32": 32, "f64": 64}


@dataclass(frozen=True, slots=True)
class TrackShape:
    """The sound of one track of IN: `bits` is its width where that means something, else 0."""

    codec: str
    container: str
    rate: int
    channels: int
    layout: str
    bits: int = 0
    is_float: bool = False
    is_lossless: bool = False
    bit_rate: int = 0


@dataclass(frozen=True, slots=True)
class Encoding:
    """How one track is written; `codec` is the family's name (opus), `encoder` ours (libopus)."""

    codec: str
    encoder: str
    rate: int
    layout: str
    sample_format: str
    bits: int
    bit_rate: int


def choose(shape: TrackShape, container: str, default: str, wanted: str | None) -> Encoding:
    """The encoding of a track in an output `container` whose default codec is `default`.

    Raises:
        FormatError: nothing fits, or `wanted` does not.
    """
    if wanted is not None:
        open_encoder(wanted)
    for name in [_with_width(wanted, shape)] if wanted else _candidates(shape, container, default):
        encoding = _workable(name, shape, container)
        if encoding is not None:
            return encoding
    what = f"{wanted or 'no codec here'} with {shape.rate} Hz and {shape.channels} channels"
    raise FormatError(f"{what} cannot go in {container}; choose another --audio-codec or another container")


def _workable(name: str, shape: TrackShape, container: str) -> Encoding | None:
    try:
        encoding = _encoding(name, shape)
    except FormatError:
        return None
    # Many encoders know 5.1 but not 5.1(side), which is the same channels in the same order.
    plain = replace(encoding, layout=layout_for(shape.channels))
    return next((option for option in (encoding, plain) if not _objection(option, container)), None)


def _candidates(shape: TrackShape, container: str, default: str) -> list[str]:
    usual = _with_width(_USUAL.get(container, default), shape)
    kept = [shape.codec] if _is_kept(shape, container, usual) else []
    if shape.is_lossless and container == "matroska":
        kept.append("flac")
    return list(dict.fromkeys([*kept, usual, default, *_FALLBACKS]))


def _is_kept(shape: TrackShape, container: str, usual: str) -> bool:
    if container in shape.container.split(","):
        return True
    if container == "mpegts":
        return shape.codec in _BROADCAST
    # An MP3 inside a .wav, or PCM inside an .mp4, is legal and a surprise.
    if usual.startswith("pcm"):
        return shape.codec.startswith("pcm")
    return not (shape.codec.startswith("pcm") and container in MP4_FAMILY - {"mov"})


def _with_width(codec: str, shape: TrackShape) -> str:
    """A PCM codec of the width of the source, in the byte order of `codec`."""
    if not codec.startswith("pcm_s16") or not shape.is_lossless:
        return codec
    kind = "f" if shape.is_float else "s"
    width = shape.bits if shape.bits in (16, 24, 32, 64) else 16
    return f"pcm_{kind}{width}{codec[-2:]}"


def _encoding(name: str, shape: TrackShape) -> Encoding:
    codec = open_encoder(name)
    formats = [option.name for option in codec.audio_formats or []]
    family = codec.canonical_name
    return Encoding(
        codec=family,
        encoder=codec.name,
        rate=_nearest_rate(shape.rate, codec.audio_rates),
        layout=shape.layout,
        sample_format=_sample_format(formats, shape),
        bits=_bits(family, shape),
        bit_rate=0 if codec.lossless and not codec.lossy else _bit_rate(family, shape),
    )


def open_encoder(name: str) -> Codec:
    """The encoder for a codec, by the codec's name or its own.

    Raises:
        FormatError: there is none for sound, or only one that its authors call experimental.
    """
    try:
        codec = Codec(name, "w")
    except UnknownCodecError:
        raise FormatError(f"no encoder for {name!r} here; `limelight doctor` lists what there is") from None
    if codec.type != "audio" or codec.experimental:
        raise FormatError(f"{name!r} cannot be written here: {'experimental' if codec.experimental else codec.type}")
    return codec


def _nearest_rate(rate: int, offered: list[int] | None) -> int:
    if not offered or rate in offered:
        return rate
    above = [option for option in offered if option > rate]
    return min(above) if above else max(offered)


def _sample_format(formats: list[str], shape: TrackShape) -> str:
    """The narrowest that holds the source; for codecs that are lossy anyway, float."""
    floats = [name for name in formats if name.startswith(("flt", "dbl"))]
    if floats and (shape.is_float or not shape.is_lossless):
        return floats[0]
    width = {"u8": 8, "u8p": 8, "s16": 16, "s16p": 16, "s32": 32, "s32p": 32, "flt": 33, "fltp": 33, "dbl": 65}
    fitting = sorted((width.get(name, 99), name) for name in formats if width.get(name, 99) >= (shape.bits or 16))
    return fitting[0][1] if fitting else formats[-1]


def _bits(family: str, shape: TrackShape) -> int:
    for kind, bits in _KINDS.items():
        if family.startswith(f"pcm_{kind}"):
            return bits
    ceiling = 32 if family == "wavpack" else 24
    return min(shape.bits, ceiling) if shape.is_lossless and shape.bits and not shape.is_float else ceiling


def _bit_rate(family: str, shape: TrackShape) -> int:
    per_channel = _BITS_PER_S.get(family, 96_000)
    if family == shape.codec and shape.bit_rate:
        # A parametric original is smaller than a plain encoder can be at all well.
        return max(shape.bit_rate, shape.channels * per_channel // 3)
    return shape.channels * per_channel


def _objection(encoding: Encoding, container: str) -> str:
    """Why the container or the encoder refuses, or nothing."""
    return objection(container, lambda out: add_sound(out, encoding))


def add_sound(out: OutputContainer, encoding: Encoding) -> AudioStream:
    """A stream to encode sound for."""
    stream = out.add_stream(
        encoding.encoder,
        rate=encoding.rate,
        layout=encoding.layout,
        format=encoding.sample_format,
        bit_rate=encoding.bit_rate,
    )
    return cast(AudioStream, stream)


def add_copy(out: OutputContainer, stream: Stream) -> Stream:
    """A stream for packets that are not touched."""
    copy = out.add_stream_from_template(stream, opaque=True)
    copy.disposition = stream.disposition
    return copy


def objection(container: str, add: Callable[[OutputContainer], object]) -> str:
    """Try streams on a container in memory: why its header cannot be written, or an empty string."""
    try:
        out = av.open(io.BytesIO(), "w", format=container, metadata_errors="replace")
        add(out)
        out.start_encoding()
    except (av.FFmpegError, ValueError, TypeError) as error:
        return str(error) or type(error).__name__
    return ""


def codecs_found(names: tuple[str, ...]) -> dict[str, tuple[bool, bool]]:
    """Whether each codec can be decoded, and encoded, here."""
    return {name: (_exists(name, "r"), _exists(name, "w")) for name in names}


def _exists(name: str, mode: Literal["r", "w"]) -> bool:
    try:
        return not Codec(name, mode).experimental
    except UnknownCodecError:
        return False
