"""Made-up sound: no clicks, no drones; frames that meet to the sample whatever their stamps do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from streamer.frame import SOUND_HZ, AudioFrame, Sound
from streamer.transports.conceal import Aligner, Concealer, conceal, stretch


def voice(n: int, hz: float = 160.0, channels: int = 1) -> Sound:
    """A harmonic sound."""
    time = np.arange(n) / SOUND_HZ
    wave = sum(0.3 / k * np.sin(2 * np.pi * hz * k * time + k) for k in range(1, 6))
    return np.tile(np.asarray(wave, np.float32), (channels, 1))


@pytest.mark.parametrize("hz", [80.0, 123.4, 160.0, 301.0])
def test_a_gap_in_a_voice_goes_on_in_its_pitch(hz: float) -> None:
    sound = voice(9600, hz, channels=2)
    made_up = conceal(sound[:, :4800], 960)
    # As it was, but fading: 20 ms into a fade of 60.
    fading = sound[:, 4800:5760] * (1 - np.arange(960) / 2880)
    assert np.abs(made_up - fading).max() < 0.1


def test_a_long_gap_fades_to_silence_and_comes_back_without_a_click() -> None:
    sound, memory = voice(48_000), Concealer(1)
    before = [memory.heard(sound[:, at : at + 960]) for at in range(0, 9600, 960)]
    filled = [memory.fill(960) for _ in range(5)]
    after = memory.heard(sound[:, 14_400:15_360])
    assert np.abs(filled[3]).max() == np.abs(filled[4]).max() == 0.0
    whole = np.concatenate([*before, *filled, after], axis=1)
    assert np.abs(np.diff(whole)).max() < 1.5 * np.abs(np.diff(sound)).max()


def test_nothing_heard_is_nothing_made_up() -> None:
    assert not Concealer(2).fill(960).any()
    assert conceal(np.zeros((1, 10), np.float32), 480).shape == (1, 480)


def test_noise_does_not_become_a_tone() -> None:
    noise = np.random.default_rng(1).standard_normal((1, 4800)).astype(np.float32) * 0.1
    assert np.abs(conceal(noise, 2880)).max() < 0.6


def test_stretching_keeps_the_sound() -> None:
    sound = voice(960)
    for n in (956, 960, 964):
        wanted = np.interp(np.arange(n) * 960 / n, np.arange(960), sound[0])
        assert np.abs(stretch(sound, n)[0] - wanted).max() < 0.002


SETTLED = Aligner.SETTLING // 960


def aligned(stamps: list[int], n: int = 960) -> list[AudioFrame]:
    """What becomes of frames with these stamps, after as many unremarkable ones as it takes to settle."""
    aligner, sound = Aligner(Concealer(1)), voice(n)
    for i in range(-SETTLED - 1, 0):
        aligner.align(AudioFrame(stamps[0] + n * i, sound))
    return [out for pts in stamps for out in aligner.align(AudioFrame(pts, sound))]


@pytest.mark.parametrize("ppm", [-400, -50, 50, 400])
def test_drifting_frames_meet_and_stay_near_their_stamps(ppm: int) -> None:
    stamps = [round(960 * i * (1 + ppm * 1e-6)) for i in range(1500)]
    frames = aligned(stamps)
    assert all(a.end == b.pts for a, b in pairwise(frames))
    assert max(abs(frame.pts - pts) for frame, pts in zip(frames, stamps, strict=True)) <= 50
    assert not any(frame.gap for frame in frames)


def test_a_cut_does_not_click() -> None:
    sound, aligner = voice(9600), Aligner(Concealer(1))
    parts = [(at, at if at < 4800 else at - 2000) for at in range(0, 9600, 960)]
    aligner.align(AudioFrame(-960, np.zeros((1, 960), np.float32)))
    frames = [out for at, pts in parts for out in aligner.align(AudioFrame(pts, sound[:, at : at + 960]))]
    assert len(frames) < len(parts)
    whole = np.concatenate([frame.samples for frame in frames], axis=1)
    assert np.abs(np.diff(whole)).max() < 1.5 * np.abs(np.diff(sound)).max()


def test_at_the_beginning_labels_move_and_sound_does_not() -> None:
    aligner = Aligner(Concealer(1))
    frames = [out for i in range(20) for out in aligner.align(AudioFrame(940 * i, voice(960)))]
    assert [frame.samples.shape[1] for frame in frames] == [960 + Aligner.CUSHION] + [960] * 19
    assert [frame.pts for frame in frames] == [-Aligner.CUSHION] + [940 * i for i in range(1, 20)]


def test_a_few_samples_taken_out_make_nobody_wait() -> None:
    aligner, held = Aligner(Concealer(1)), 0
    for i in range(600):
        for frame in aligner.align(AudioFrame(960 * i - 90 * (i > 300), voice(960))):
            held += frame.samples.shape[1]
            assert held >= 960
            held %= 960
    assert held < Aligner.CUSHION


def test_a_hole_is_filled_and_an_overlap_is_dropped() -> None:
    hole = aligned([0, 960, 960 * 5, 960 * 6])
    assert [(frame.pts, frame.gap) for frame in hole] == [
        *((0, False), (960, False), (1920, True), (4800, False), (5760, False)),
    ]
    overlap = aligned([0, 960, 1920, 0, 960, 2880])
    assert [frame.pts for frame in overlap] == [0, 960, 1920, 2880]
    assert [frame.pts for frame in aligned([0, 960, 10 * SOUND_HZ])] == [
        *(0, 960, 10 * SOUND_HZ - Aligner.CUSHION),
    ]
