"""The public voice's seam, with a stand-in for its package: its weights are fetched, never shipped."""

import sys
import threading
import types

import numpy as np
import pytest
import torch

from models.tts.types import Controls
from streamer.frame import FormatError
from streamer.stages.pocket_voice import PocketVoice, load_pocket
from streamer.stages.saying import Saying
from streamer.stages.voices import find_voice
from streamer.ticks.device import Device


class Model:
    """Yields 80 ms parts of a tone at 24 kHz, one for each letter, until it is stopped."""

    sample_rate = 24_000

    def __init__(self):
        self.texts, self.stops, self.at_once = [], [], 0

    def generate_audio_stream(self, model_state, text_to_generate, *, stop):
        assert model_state == "state of alba" and isinstance(stop, threading.Event)
        self.texts.append(text_to_generate)
        self.stops.append(stop)
        for _ in text_to_generate:
            if stop.is_set():
                return
            yield torch.full((1920,), 0.25)


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def voice(model):
    voice = PocketVoice(model, "state of alba")
    yield voice
    voice.close()


async def test_its_sound_comes_as_it_is_made_at_our_rate(voice, model):
    saying = Saying(voice, controls=lambda: Controls(energy_db=-6.0))
    saying.push("Good evening. Привет.")
    saying.end()
    pieces = [piece async for piece in saying]
    assert model.texts == ["Good evening."]
    sound = np.concatenate([piece.samples for piece in pieces], axis=1)
    assert sound.shape == (1, 13 * 1920 * 2)
    assert np.median(sound) == pytest.approx(0.125, abs=0.001)
    assert [word.text for piece in pieces for word in piece.words] == ["Good", "evening"]
    assert [each for piece in pieces for each in piece.unspoken] == ["Привет"]


async def test_what_is_left_in_the_middle_is_stopped_and_the_next_has_its_turn(voice, model):
    saying = Saying(voice)
    saying.push("Good evening everybody. ")
    pieces = aiter(saying)
    await anext(pieces)
    saying.cancel()
    saying.push("Bye.")
    saying.end()
    rest = [piece async for piece in pieces]
    assert model.stops[0].is_set() and [word.text for piece in rest for word in piece.words] == ["Bye"]


def test_without_the_package_it_says_what_to_install(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "pocket_tts", None)
    with pytest.raises(FormatError, match=r"pip install 'limelight\[pocket\]'"):
        load_pocket()
    device = Device()
    assert find_voice("pocket", slots=1, device=device) is None
    device.close()
    assert "no voice: --voice pocket needs" in caplog.text


def test_without_a_network_it_says_so(monkeypatch):
    class Offline:
        @classmethod
        def load_model(cls):
            raise OSError("we couldn't connect")

    monkeypatch.setitem(sys.modules, "pocket_tts", types.SimpleNamespace(TTSModel=Offline))
    with pytest.raises(FormatError, match="start once with a network"):
        load_pocket()
