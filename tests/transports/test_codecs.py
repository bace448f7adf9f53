"""Opus, VP8 and H.264 on their own: alignment to the sample, no held-back pictures, live settings, broken input."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import numpy as np
import pytest
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.vpx import Vp8Encoder
from numpy.typing import NDArray

from streamer.frame import SOUND_HZ, AudioFrame, FormatError, Sound, VideoFrame
from streamer.transports.codecs import (
    Encoded,
    PictureDecoder,
    PictureEncoder,
    SoundDecoder,
    SoundEncoder,
    planes,
)
from streamer.transports.payload import opus_samples, starts_key
from tests.h264 import H264PictureEncoder


def rumble(n: int, channels: int, seed: int = 0) -> Sound:
    """Noise below 2 kHz: what a codec keeps the waveform of, with one place where it correlates."""
    dice = np.random.default_rng(seed)
    spectrum = np.fft.rfft(dice.standard_normal((channels, n)))
    spectrum[:, np.fft.rfftfreq(n, 1 / SOUND_HZ) > 2000] = 0
    wave = np.fft.irfft(spectrum, n)
    return np.asarray(0.3 * wave / np.abs(wave).max(), np.float32)


def lag(heard: Sound, sent: Sound) -> int:
    """Samples by which `heard` is behind `sent`."""
    size = 2 * max(heard.shape[1], sent.shape[1])
    both = np.fft.irfft(np.fft.rfft(heard[0], size) * np.conj(np.fft.rfft(sent[0], size)))
    peak = int(np.argmax(both))
    return peak if peak < size // 2 else peak - size


def encode_all(encoder: SoundEncoder, sound: Sound, *, start: int = 0, hop: int = 480) -> list[Encoded]:
    parts = range(0, sound.shape[1], hop)
    return [packet for at in parts for packet in encoder.encode(AudioFrame(start + at, sound[:, at : at + hop]))]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("packet_ms", [10, 20])
def test_a_packets_pts_is_that_of_the_sound_it_holds(channels: int, packet_ms: int) -> None:
    sound, start = rumble(SOUND_HZ, channels), 123_456
    packets = encode_all(SoundEncoder(channels, packet_ms=packet_ms), sound, start=start)
    decoder = SoundDecoder(channels)
    heard = np.concatenate([decoder.decode(packet.payload) for packet in packets], axis=1)
    assert heard.shape == sound.shape
    assert packets[0].pts + lag(heard, sound) == start
    assert {b.pts - a.pts for a, b in pairwise(packets)} == {48 * packet_ms}
    assert start - packets[0].pts <= 120  # all that the encoder adds: 2.5 ms


def test_a_jump_of_the_pts_is_kept() -> None:
    encoder = SoundEncoder(1)
    packets = encode_all(encoder, rumble(9600, 1)) + encode_all(encoder, rumble(9600, 1), start=100_000)
    assert packets[10].pts - packets[0].pts == 100_000
    assert {b.pts - a.pts for a, b in pairwise(packets[10:])} == {960}


def test_moved_labels_move_the_stamps_and_lose_no_sound() -> None:
    encoder, sound = SoundEncoder(1), rumble(960, 1)
    packets = [packet for i in range(5) for packet in encoder.encode(AudioFrame(700 * i, sound))]
    assert [b.pts - a.pts for a, b in pairwise(packets)] == [700] * 4


def test_a_small_hole_or_overlap_keeps_packets_end_to_end() -> None:
    encoder, sound = SoundEncoder(1), rumble(480, 1)
    starts = [0, 480, 1000, 1470, 1960, 2440, 2920]
    packets = [packet for start in starts for packet in encoder.encode(AudioFrame(start, sound))]
    assert {b.pts - a.pts for a, b in pairwise(packets)} == {960}


def test_channels_are_as_asked() -> None:
    packet = encode_all(SoundEncoder(2), rumble(960, 2))[0].payload
    assert packet[0] & 4
    assert SoundDecoder(1).decode(packet).shape == (1, 960)
    with pytest.raises(FormatError, match="takes 2 channels"):
        SoundEncoder(2).encode(AudioFrame(0, rumble(960, 1)))


def test_the_length_of_a_packet_is_in_its_first_bytes() -> None:
    for packet_ms in (10, 20):
        encoder = SoundEncoder(1, packet_ms=packet_ms)
        assert opus_samples(encode_all(encoder, rumble(960, 1))[0].payload) == 48 * packet_ms
    assert opus_samples(b"") is None
    assert opus_samples(b"\x03") is None
    assert opus_samples(bytes([3, 63])) is None


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(FormatError):
        SoundDecoder(1).decode(b"\xff\xff\xff\xff")


def scene(count: int, width: int = 322, height: int = 182) -> VideoFrame:
    rows, columns = np.mgrid[0:height, 0:width]
    y = ((rows + columns + 4 * count) % 200 + 20).astype(np.uint8)
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 100 + count, np.uint8)
    return VideoFrame(count * 3000, y, chroma, chroma + 20, arrival=1.0)


def near(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean difference of what both have."""
    rows, columns = np.minimum(a.shape, b.shape)
    return float(np.abs(a[:rows, :columns].astype(int) - b[:rows, :columns]).mean())


def maker(codec: str) -> PictureEncoder | H264PictureEncoder:
    return PictureEncoder(bitrate_bps=4_000_000) if codec == "VP8" else H264PictureEncoder(322, 182)


@pytest.mark.parametrize(("codec", "size"), [("VP8", (322, 182)), ("VP8", (161, 91)), ("H264", (322, 182))])
def test_pictures_come_back_at_once_and_alike(codec: str, size: tuple[int, int]) -> None:
    encoder, decoder = maker(codec), PictureDecoder(codec)
    for count in range(5):
        sent = scene(count, *size)
        (packet,) = encoder.encode(sent)
        assert packet.key == (count == 0)
        assert packet.pts == sent.pts
        (decoded,) = decoder.decode(packet.payload)
        frame = planes(decoded, pts=packet.pts, arrival=1.0)
        assert (frame.width, frame.height) == size
        assert near(frame.y, sent.y) < 8
        assert near(frame.u, sent.u) < 4


def test_a_key_picture_on_request_and_on_a_new_rate_or_size() -> None:
    encoder = PictureEncoder()
    keys = []
    for count in range(8):
        encoder.bitrate_bps = 2_500_000 if count < 5 else 1_000_000
        (packet,) = encoder.encode(scene(count, 322 if count < 7 else 640), key=count == 3)
        keys.append(packet.key)
    assert keys == [True, False, False, True, False, True, False, True]
    assert encoder.encode(scene(7)) == []  # time stood still


@pytest.mark.parametrize(("codec", "packer"), [("VP8", Vp8Encoder), ("H264", H264Encoder)])
def test_the_first_packet_of_a_key_picture_is_recognised(
    codec: str, packer: type[Vp8Encoder] | type[H264Encoder]
) -> None:
    encoder, split = maker(codec), packer()
    for count in range(3):
        (packet,) = encoder.encode(scene(count), key=count == 2)
        if isinstance(split, Vp8Encoder):
            payloads = split._packetize(packet.payload, 77)
        else:
            payloads = split._packetize(split._split_bitstream(packet.payload))
        assert starts_key(codec, payloads[0]) == packet.key
        assert not any(starts_key(codec, payload) for payload in payloads[1:] if codec == "VP8")
    assert not starts_key(codec, b"")


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_a_broken_picture_is_refused_and_the_next_key_picture_is_not(codec: str) -> None:
    encoder, decoder = maker(codec), PictureDecoder(codec)
    with contextlib.suppress(FormatError):
        assert decoder.decode(b"\x00\x01nonsense") == []
    (packet,) = encoder.encode(scene(0))
    assert len(decoder.decode(packet.payload)) == 1
