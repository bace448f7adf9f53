"""Levels shown to people agree with the standard to a few tenths."""

import numpy as np
import pytest

from streamer.meter import BLOCK, FLOOR_DB, Meter


def sine(db, hz, seconds, channels=1):
    wave = 10 ** (db / 20) * np.sin(2 * np.pi * hz * np.arange(int(48_000 * seconds)) / 48_000)
    return np.tile(wave.astype(np.float32), (channels, 1))


def test_ebu_tech_3341_case_1():
    meter = Meter()
    for hop in np.split(sine(-23, 1000, 4, channels=2), 400, axis=1):
        meter.push(hop)
    assert meter.lufs == pytest.approx(-23.0, abs=0.15)
    assert meter.peak_db == pytest.approx(-23.0, abs=0.1)


def test_nothing_before_a_block_and_a_floor_for_silence():
    meter = Meter()
    assert meter.lufs is None
    meter.push(np.zeros((1, BLOCK), np.float32))
    assert meter.peak_db == FLOOR_DB
    assert meter.lufs == pytest.approx(FLOOR_DB - 0.691)
