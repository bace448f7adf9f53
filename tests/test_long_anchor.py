"""Half an hour of talk through the anchor: no skew grows, nothing piles up. By name only."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from models.rig import aperture
from streamer.stages.puppet import Puppet

pytestmark = pytest.mark.campaign

MINUTES, FPS = 30, 30
SYLLABLE = (("M", 0.08), ("AA1", 0.14), ("B", 0.07), ("IY0", 0.11))
PAUSE_S = 0.5


def talk(seconds: float):
    """Chunks of phones as the voice tells them, and the middle of every lip closure."""
    dice, at, closed = np.random.default_rng(5), 0.5, []
    while at < seconds:
        phones = []
        for _ in range(int(dice.integers(3, 9))):
            for name, length in SYLLABLE:
                length = length * dice.uniform(0.8, 1.3)
                phones.append([name, at, at + length])
                if name in ("M", "B"):
                    closed.append(at + length / 2)
                at += length
        phones.append(["", at, at + PAUSE_S])
        at += PAUSE_S
        yield phones, closed


def test_lips_meet_where_they_should_after_half_an_hour_as_at_its_start():
    puppet, chunks = Puppet(), talk(MINUTES * 60)
    puppet.take({"source": "text"})
    known_s, closed, opening = 0.0, [], np.zeros(MINUTES * 60 * FPS)
    memory = []
    for n in range(len(opening)):
        while known_s < n / FPS + 0.4:
            phones, closed = next(chunks, ([["", known_s, known_s + 1.0]], closed))
            puppet.take({"phones": phones})
            known_s = phones[-1][2]
        opening[n] = aperture(puppet.take({"pose": n / FPS}).pose)
        if n % (5 * 60 * FPS) == 0:
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    closures = np.array([at for at in closed if 1 < at < MINUTES * 60 - 1])

    def nearest_ms(part: np.ndarray) -> float:
        """How far from a closure, at the median, the middle of their meeting is; negative is before it."""
        found = []
        for at in part:
            frames = np.arange(int((at - 0.1) * FPS), int((at + 0.1) * FPS) + 1)
            shut = frames[opening[frames] <= opening[frames].min() + 0.01]
            found.append(1000 * (shut.mean() / FPS - at))
        return float(np.median(found))

    begin, end = nearest_ms(closures[closures < 60]), nearest_ms(closures[closures > (MINUTES - 1) * 60])
    print(f"lips meet {-begin:.0f} ms before their sound at first, {-end:.0f} ms after half an hour")
    assert -80 <= end <= 20
    assert abs(end - begin) <= 15
    assert memory[-1] - memory[1] < 8 << 10  # KiB
