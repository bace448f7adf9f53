"""Rechunking: one unbroken signal in hops, whatever the frames look like."""

import numpy as np
import pytest

from streamer.frame import HOP, AudioFrame
from streamer.rechunk import LONGEST_FILL, TOLERANCE, Rechunker, remix


def ramp(start, count, channels=1):
    return np.tile(np.arange(start, start + count, dtype=np.float32), (channels, 1))


def joined(hops):
    return np.concatenate([hop.samples for hop in hops], axis=1)


@pytest.mark.parametrize("sizes", [[960] * 5, [1, 479, 480, 481, 2400, 7], [100] * 48])
def test_any_frame_sizes_give_the_same_signal_and_pts(sizes):
    rechunker, hops, at = Rechunker(1), [], 1000
    for size in sizes:
        hops += rechunker.push(AudioFrame(at, ramp(at, size)))
        at += size
    assert all(hop.samples.shape == (1, HOP) and hop.samples.flags.c_contiguous for hop in hops)
    assert np.array_equal(joined(hops), ramp(1000, len(hops) * HOP))
    assert [hop.pts for hop in hops] == [1000 + HOP * index for index in range(len(hops))]


def test_a_hole_is_filled_with_silence_and_marked():
    rechunker = Rechunker(1)
    first = rechunker.push(AudioFrame(0, ramp(1, 960)))
    later = rechunker.push(AudioFrame(960 + 1440, ramp(1, 960)))
    assert rechunker.filled_samples == 1440
    assert [hop.gap for hop in first] == [False, False]
    assert later[0].gap
    assert not joined(later)[:, :1440].any()
    assert [hop.pts for hop in later] == [960 + HOP * index for index in range(5)]


def test_an_overlap_is_trimmed():
    rechunker = Rechunker(1)
    hops = rechunker.push(AudioFrame(0, ramp(0, 1920)))
    hops += rechunker.push(AudioFrame(480, ramp(480, 2400)))
    assert np.array_equal(joined(hops), ramp(0, 2880))
    assert rechunker.trimmed_samples == 1440


@pytest.mark.parametrize("wobble", [-TOLERANCE, -3, 5, TOLERANCE])
def test_wobble_of_the_clock_moves_labels_and_no_sample(wobble):
    rechunker = Rechunker(1)
    hops = rechunker.push(AudioFrame(0, ramp(0, 960)))
    hops += rechunker.push(AudioFrame(960 + wobble, ramp(960, 960)))
    assert np.array_equal(joined(hops), ramp(0, 1920))
    assert hops[2].pts == 960 + wobble


def test_a_restart_begins_a_new_timeline_without_filling():
    rechunker = Rechunker(1)
    rechunker.push(AudioFrame(0, ramp(0, 500)))
    hops = rechunker.push(AudioFrame(LONGEST_FILL + 10_000, ramp(0, 960)))
    assert [hop.pts for hop in hops] == [LONGEST_FILL + 10_000, LONGEST_FILL + 10_480]
    assert rechunker.filled_samples == 0


def test_flush_pads_the_rest():
    rechunker = Rechunker(2)
    rechunker.push(AudioFrame(0, ramp(1, 500, 2)))
    (last,) = rechunker.flush()
    assert last.pts == 480
    assert np.array_equal(last.samples[:, :20], ramp(481, 20, 2))
    assert not last.samples[:, 20:].any()
    assert Rechunker(1).flush() == []


@pytest.mark.parametrize(("have", "want"), [(1, 2), (2, 1), (2, 2), (6, 2), (1, 1)])
def test_remix(have, want):
    out = remix(np.full((have, 10), 0.5, np.float32), want)
    assert out.shape == (want, 10)
    assert out.dtype == np.float32
    assert np.all(out == 0.5)
