"""The timeline: what it puts out is unbroken and every sample is where its stamp says."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from streamer.frame import Sound
from streamer.transports.file.timeline import Timeline

RATE = 48_000


def ramp(first: int, size: int) -> Sound:
    """Samples that tell their own position."""
    return np.arange(first, first + size, dtype=np.float32)[None]


def place(line: Timeline, first: int | None, samples: Sound, *, after_loss: bool = False) -> list[Sound]:
    at = None if first is None else Fraction(first, RATE)
    return list(line.place(at, samples, after_loss=after_loss))


def joined(pieces: list[Sound]) -> Sound:
    return np.concatenate(pieces, axis=1)


@pytest.mark.parametrize("seed", range(20))
def test_any_chunking_with_holes_and_overlaps_puts_every_sample_in_its_place(seed: int) -> None:
    random = np.random.default_rng(seed)
    line, out, expected = Timeline(RATE, Fraction(1, RATE)), [], np.zeros(0, np.float32)
    start = position = int(random.integers(1, 10_000))
    for number in range(30):
        position += int(random.choice([0, 0, 0, -2_000, 3_000])) if number else 0
        size = int(random.integers(2_500, 6_000))
        out += place(line, position, ramp(position, size))
        known = start + expected.size
        hole = np.zeros(max(0, position - known), np.float32)
        expected = np.concatenate([expected, hole, np.arange(max(position, known), position + size, dtype=np.float32)])
        position += size
    assert line.start == Fraction(start, RATE)
    assert line.length == expected.size
    assert np.array_equal(joined(out)[0], expected)


def test_jitter_is_ignored_however_long_it_lasts() -> None:
    line, random = Timeline(RATE, Fraction(1, 1000)), np.random.default_rng(0)
    out = [
        piece
        for number in range(500)
        for piece in place(line, number * 960 + int(random.integers(-400, 400)), ramp(number * 960, 960))
    ]
    assert np.array_equal(joined(out), ramp(0, 500 * 960))
    assert (line.silence, line.trimmed, line.leaps) == (0, 0, 0)


def test_a_drifting_clock_is_followed() -> None:
    line = Timeline(RATE, Fraction(1, 1000))
    for number in range(2_000):
        place(line, round(number * 960 * 1.001), ramp(0, 960))
    assert abs(line.length - 2_000 * 960 * 1.001) < 0.02 * RATE


def test_a_lost_packet_is_one_packet_long_even_by_a_coarse_clock() -> None:
    line = Timeline(RATE, Fraction(1, 1000))
    place(line, 0, ramp(0, 1_024))
    place(line, 1_024 * 3 + 20, ramp(0, 1_024))
    assert line.silence == 2 * 1_024


def test_after_a_loss_even_a_small_gap_is_real() -> None:
    line = Timeline(RATE, Fraction(1, RATE))
    place(line, 0, ramp(0, 480))
    place(line, 600, ramp(0, 480), after_loss=True)
    assert line.silence == 120


@pytest.mark.parametrize("leap_s", [-5, 700, 95_443])
def test_leaps_that_cannot_be_meant_are_closed(leap_s: int) -> None:
    line = Timeline(RATE, Fraction(1, 90_000))
    place(line, 0, ramp(0, RATE))
    assert joined(place(line, (1 + leap_s) * RATE, ramp(0, RATE))).shape == (1, RATE)
    assert joined(place(line, (2 + leap_s) * RATE, ramp(0, RATE))).shape == (1, RATE)
    assert (line.leaps, line.length, line.silence) == (1, 3 * RATE, 0)


def test_long_gaps_come_in_small_pieces() -> None:
    line = Timeline(RATE, Fraction(1, RATE))
    place(line, 0, ramp(0, 10))
    pieces = place(line, 500 * RATE, ramp(0, 10))
    assert max(piece.shape[1] for piece in pieces) <= RATE
    assert line.length == 500 * RATE + 10


def test_sound_without_stamps_follows_on() -> None:
    line = Timeline(RATE, Fraction(1, RATE))
    place(line, None, ramp(0, 100))
    place(line, None, ramp(0, 100))
    assert (line.start, line.length) == (0, 200)
