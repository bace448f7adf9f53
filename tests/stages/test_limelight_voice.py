"""The shipped voice's parts behind the seam, with whatever weights: each clause the sound of its features."""

import asyncio
from fractions import Fraction

import numpy as np
import pytest
import torch

from models.streaming import StreamingModule, Tree
from models.tts.aloud import Aloud
from models.tts.features import FEATURES, HOP
from models.tts.network import Acoustic
from models.tts.reader import Reader
from models.tts.types import Controls
from models.tts.voice import Voice
from models.vocoder import Vocoder, VocoderConfig
from streamer.engine import EngineFull
from streamer.stages.limelight_voice import LimelightVoice
from streamer.stages.saying import Saying
from streamer.stages.voice import PIECE
from streamer.ticks.device import Device
from tests.contract import verify_contract

SMALL = VocoderConfig(width=16, blocks=1)


@pytest.fixture(scope="module")
def device():
    device = Device()
    yield device
    device.close()


@pytest.fixture(scope="module")
def parts():
    torch.manual_seed(0)
    return Voice(Acoustic()), Vocoder(SMALL)


@pytest.fixture
def voice(device, parts):
    voice = LimelightVoice(*parts, Reader, slots=10, device=device)
    yield voice
    voice.close()


async def said(saying, text):
    saying.push(text)
    saying.end()
    pieces = [piece async for piece in saying]
    saying.close()
    return pieces


class Steps(StreamingModule):
    """The first row of the features as sound: every frame a step, half of it late."""

    hop, ratio, delay = 2, Fraction(HOP), HOP // 2

    def initial_state(self, slots: int) -> Tree:
        return torch.zeros(slots, 1, HOP // 2)

    def step(self, state: Tree, chunk: Tree) -> tuple[Tree, Tree]:
        whole = torch.cat([state, chunk[:, :1].repeat_interleave(HOP, -1)], -1)
        return whole[..., -HOP // 2 :].contiguous(), whole[..., : -HOP // 2]

    def forward(self, x: Tree) -> Tree:
        return x[:, :1].repeat_interleave(HOP, -1)


@pytest.mark.campaign  # its tracing takes seconds; that a stream equals the whole is also below
def test_a_vocoder_at_48_khz_keeps_the_contract():
    def example(generator: torch.Generator, rows: int, steps: int) -> Tree:
        return torch.randn(rows, FEATURES, steps, generator=generator)

    verify_contract(Aloud(Steps()), example=example, rows=2, hops=3)


async def test_a_clause_gives_the_sound_of_its_features_and_the_times_of_its_words(voice, parts):
    pieces = await said(Saying(voice), "Good evening, everyone.")
    acoustics, vocoder = parts
    reader = Reader()
    clauses = reader.push("Good evening, everyone.") + reader.flush()
    features = [acoustics.speak(clause, Controls()) for clause in clauses]
    offline = [Aloud(vocoder)(torch.from_numpy(each.features)[None])[0] for each in features]
    sound = np.concatenate([piece.samples for piece in pieces], axis=1)
    assert sound.shape[1] == sum(each.features.shape[1] for each in features) * 480
    assert np.abs(sound - torch.cat(offline, -1).numpy()).max() < 1e-4 * max(1.0, np.abs(sound).max())
    at, starts = 0, []
    for piece in pieces:
        assert piece.length <= PIECE
        starts += [(word.text, at / 48_000 + word.start_s) for word in piece.words]
        at += piece.length
    second = features[0].features.shape[1] / 100
    expected = [(w.text, w.start_s + lead) for f, lead in zip(features, (0.0, second), strict=True) for w in f.words]
    assert [text for text, _ in starts] == ["Good", "evening", "everyone"]
    assert np.allclose([start for _, start in starts], [start for _, start in expected], atol=1e-4)


async def test_what_was_left_in_the_middle_leaves_no_trace(voice):
    whole = await said(Saying(voice), "Good evening.")
    saying = Saying(voice)
    saying.push("Some other words, that nobody will hear the end of. ")
    pieces = aiter(saying)
    await anext(pieces)
    saying.cancel()
    saying.push("Good evening.")
    saying.end()
    again = [piece async for piece in pieces]
    saying.close()
    assert np.array_equal(np.concatenate([p.samples for p in whole], 1), np.concatenate([p.samples for p in again], 1))


async def test_ten_voices_at_once_each_say_their_own_and_the_eleventh_is_told(voice):
    alone = await said(Saying(voice), "Number three.")
    sayings = [Saying(voice) for _ in range(10)]
    with pytest.raises(EngineFull):
        Saying(voice)
    texts = ["Number three." if index == 3 else f"Voice {index}." for index in range(10)]
    together = await asyncio.gather(*(said(saying, text) for saying, text in zip(sayings, texts, strict=True)))
    sounds = [np.concatenate([piece.samples for piece in pieces], axis=1) for pieces in [alone, together[3]]]
    assert np.allclose(*sounds, atol=1e-5)
    assert all(any(piece.words for piece in pieces) for pieces in together)
    Saying(voice).close()


async def test_what_it_cannot_speak_does_no_harm(voice):
    for text in ("Привет, мир!", "<speak><break/></speak>", "\x00\x07\x1b", "🙂 …", "# * #"):
        pieces = await said(Saying(voice), text + " Fine.")
        assert "Fine" in [word.text for piece in pieces for word in piece.words][-1]
