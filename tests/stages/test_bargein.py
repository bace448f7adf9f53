"""Barge-in: who is a person, who is an echo, and what was a false alarm."""

import numpy as np
import pytest

from streamer.frame import HOP
from streamer.stages.bargein import ECHO, BargeIn, Verdict, likeness


def heard(barge_in, probabilities, *, sounding=True, level=0.1):
    """Verdicts by the hop at which they came; who speaks with more than 0.5 is speaking."""
    rng, verdicts = np.random.default_rng(0), {}
    for index, probability in enumerate(probabilities):
        barge_in.played(np.zeros((1, HOP), np.float32))
        hop = level * rng.standard_normal((1, HOP)).astype(np.float32)
        verdict = barge_in.heard(hop, probability, speaking=probability > 0.5, sounding=sounding)
        if verdict:
            verdicts[index] = verdict
    return verdicts


@pytest.mark.parametrize(
    ("probabilities", "verdicts"),
    [
        ([0.0] * 5 + [0.9] * 60, {5: Verdict.HOLD, 29: Verdict.DROP}),
        ([0.0] * 5 + [0.9] * 10 + [0.1] * 60, {5: Verdict.HOLD, 34: Verdict.RESUME}),
        ([0.0] * 5 + [0.9] * 10 + [0.4] * 200, {5: Verdict.HOLD, 155: Verdict.DROP}),
        ([0.9] * 60, {}),
    ],
)
def test_what_is_done_and_when(probabilities, verdicts):
    assert heard(BargeIn(), probabilities) == verdicts


def test_while_nothing_is_said_nothing_is_interrupted():
    assert heard(BargeIn(), [0.0] * 5 + [0.9] * 60, sounding=False) == {}


def test_a_delayed_quiet_and_blurred_copy_is_like_what_was_played_and_another_sound_is_not():
    rng = np.random.default_rng(1)
    played = np.convolve(rng.standard_normal(11_200), np.hanning(16), "same").astype(np.float32)
    room = rng.standard_normal(400) * np.exp(-np.arange(400) / 60)
    room[0] = 3.0
    echo = 0.05 * np.convolve(played[2000:5200], room)[:3200].astype(np.float32)
    other = np.convolve(rng.standard_normal(3200), np.hanning(16), "same").astype(np.float32)
    assert likeness(echo, played) > ECHO > likeness(other, played)
    assert likeness(np.zeros(3200, np.float32), played) == 0.0
    assert likeness(other, np.zeros(11_200, np.float32)) == 0.0
