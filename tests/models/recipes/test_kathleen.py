"""What recordings become before the voice learns from them: hiss goes, the voice stays, pitch is found."""

from __future__ import annotations

import numpy as np
import pytest

from models.recipes.hiss import cleaned, hiss_of
from models.recipes.kathleen import features_of
from models.tts.features import HOP, PITCH_HZ, PITCH_ROW, VOICE_HZ, VOICED_ROW

Wave = np.ndarray


def spoken(hz: float, seconds: float) -> Wave:
    """Half a second of quiet, a buzz of ten harmonics, half a second of quiet."""
    t = np.arange(int(seconds * VOICE_HZ)) / VOICE_HZ
    buzz = sum(np.sin(2 * np.pi * k * hz * t) / k for k in range(1, 11))
    quiet = np.zeros(VOICE_HZ // 2)
    return np.concatenate([quiet, 0.1 * buzz, quiet]).astype(np.float32)


def level_db(x: Wave) -> float:
    return float(10 * np.log10(np.mean(np.square(x)) + 1e-12))


def test_hiss_goes_and_the_voice_stays() -> None:
    voice = spoken(180, 1.0)
    noise = 0.002 * np.random.default_rng(1).standard_normal(len(voice)).astype(np.float32)
    heard = voice + noise
    made = cleaned(heard, hiss_of(heard))
    pause, talk = slice(2000, VOICE_HZ // 2 - 2000), slice(VOICE_HZ // 2 + 2000, VOICE_HZ)
    assert level_db(made[pause]) < level_db(heard[pause]) - 10
    assert level_db((made - voice)[talk]) < level_db(voice[talk]) - 30


def test_pitch_and_voicing_are_where_the_voice_is() -> None:
    pytest.importorskip("pyworld")
    made = features_of(spoken(180, 1.0))
    assert made.shape == (82, 2 * VOICE_HZ // HOP)
    inside = made[:, 60:140]
    assert inside[VOICED_ROW].all()
    assert not made[VOICED_ROW, :40].any()
    np.testing.assert_allclose(PITCH_HZ * 2 ** inside[PITCH_ROW], 180, rtol=0.01)
    np.testing.assert_allclose(made[PITCH_ROW, :40], inside[PITCH_ROW, 0], atol=0.05)
