"""The shipped recogniser behind captions: the engine and the search are real, the network is one that spells."""

import asyncio
import math
import resource
import shutil
import subprocess
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from models.streaming import StreamingModule
from models.stt.phones import INDEX, PHONES
from models.stt.written import MARKS, ROWS, Habits
from streamer.engine import EngineFull
from streamer.frame import HOP, SOUND_HZ, AudioFrame, FormatError
from streamer.stages import limelight_stt
from streamer.stages.captions import Captioner
from streamer.stages.limelight_stt import LATE_S, load_limelight, make_limelight
from streamer.stages.stt import scribe_alone
from tests.models.stt.toy_language import toy_language
from tests.transports.test_file import read

COLUMN, DELAY = 960, 16
CAT = "_ DH AH K AE T S AE T _"
EAT = "_ AY IY T _"


class Spelling(StreamingModule):
    """Takes the level of each 20 ms for the number of a phone; late by as much as the network."""

    hop, ratio, delay = 8 * COLUMN, Fraction(1, COLUMN), DELAY

    def initial_state(self, slots):
        return torch.zeros(slots, len(PHONES), DELAY)

    def step(self, state, chunk):
        columns = torch.cat([state, self.forward(chunk)], -1)
        return columns[..., 8:].contiguous(), columns[..., :8]

    def forward(self, x):
        phone = (x[:, 0].unflatten(-1, (-1, COLUMN)).mean(-1) * 100).round()
        return torch.log_softmax(8.0 * (phone[:, None] == torch.arange(len(PHONES))[:, None]), 1)


def sound(phones, *, frames=4):
    """`[1, T]` that `Spelling` reads so."""
    numbers = [INDEX["" if phone == "_" else phone] for phone in phones.split()]
    return np.repeat(np.array(numbers, np.float32) / 100, frames * COLUMN)[None]


@pytest.fixture
def speech():
    habits = Habits({}, np.zeros((ROWS, len(MARKS)), np.float32))
    made = make_limelight(Spelling().eval(), toy_language(), habits, slots=2, share=math.inf)
    yield made
    made.close()


async def heard(recogniser, samples, *, pts=0):
    """What each chunk gives, and the end."""
    size = recogniser.chunk_samples
    samples = np.pad(samples, ((0, 0), (0, -samples.shape[1] % size)))
    told = [await recogniser.hear(samples[:, at : at + size], pts=pts + at) for at in range(0, samples.shape[1], size)]
    return [*told, await recogniser.finish()]


def text(one):
    return " ".join(word.text for word in one.words)


async def test_words_come_with_their_times_on_the_media_clock_without_the_look_ahead(speech):
    *_, last = await heard(speech.recogniser(), sound(CAT), pts=10 * SOUND_HZ)
    assert text(last) == "The cat sat." and last.stable == 3
    assert [(word.start_s + LATE_S, word.end_s + LATE_S) for word in last.words] == [
        (pytest.approx(10.08), pytest.approx(10.24)),
        (pytest.approx(10.24), pytest.approx(10.48)),
        (pytest.approx(10.48), pytest.approx(10.72)),
    ]


async def test_stable_words_are_never_revised_and_the_next_segment_starts_anew(speech):
    recogniser = speech.recogniser()
    for _ in range(2):
        told = await heard(recogniser, sound(" ".join([CAT] * 4)))
        for before, after in zip(told, told[1:], strict=False):
            assert after.words[: before.stable] == before.words[: before.stable]
        assert text(told[-1]) == "The cat sat the cat sat the cat sat the cat sat."


async def test_streams_that_share_the_engine_get_only_their_own_words(speech):
    both = speech.recogniser(), speech.recogniser()
    first, second = await asyncio.gather(heard(both[0], sound(CAT)), heard(both[1], sound(EAT)))
    assert (text(first[-1]), text(second[-1])) == ("The cat sat.", "I eat.")
    with pytest.raises(EngineFull):
        speech.recogniser()
    both[0].close()
    both[0].close()
    assert text((await heard(speech.recogniser(), sound(EAT)))[-1]) == "I eat."


async def test_hot_words_are_asked_for_at_every_segment(speech):
    expected = []
    recogniser, osta = speech.recogniser(lambda: expected), sound("_ AY S IY AO S T AH _")
    assert "osta" not in text((await heard(recogniser, osta))[-1]).lower()
    expected.append("Osta")
    assert text((await heard(recogniser, osta))[-1]).endswith("Osta.")


async def test_a_step_that_was_lost_spoils_its_segment_only(speech):
    recogniser = speech.recogniser()
    with pytest.raises(FormatError):
        await recogniser.hear(np.zeros((1, 5), np.float32), pts=0)
    assert (await recogniser.finish()).words == ()
    assert text((await heard(recogniser, sound(CAT)))[-1]) == "The cat sat."


async def test_through_the_captioner_streaming_is_what_the_whole_is(speech):
    captioner = Captioner(speech.recogniser())
    samples, told = np.pad(sound(" ".join([CAT] * 3)), ((0, 0), (SOUND_HZ, SOUND_HZ))), []
    for at in range(0, samples.shape[1], HOP):
        hop = np.ascontiguousarray(samples[:, at : at + HOP])
        told += await captioner.hear(AudioFrame(at, hop), 0.9 if hop.any() else 0.1)
    words = [word for caption in told for word in caption.committed]
    assert " ".join(word.text for word in words) == "The cat sat the cat sat the cat sat."
    assert words[0].start_s + LATE_S == pytest.approx(1.08, abs=0.05)
    assert not any(caption.lag_s for caption in told)


def test_weights_that_are_not_there_are_told(monkeypatch, tmp_path):
    def missing():
        raise FileNotFoundError(2, "No such file", str(tmp_path / "stt.safetensors"))

    monkeypatch.setattr(limelight_stt, "load_recogniser", missing)
    with pytest.raises(FormatError, match=r"stt\.safetensors"):
        load_limelight(slots=1, share=0.8)


MINUTES = 60
SENTENCES = (
    "The meeting begins at nine in the morning and everybody who wants to come is welcome.",
    "After that we walk along the river until we reach the old bridge.",
)


def minute(tmp_path):
    """Speech for half of it, chords, noise and silence for the rest; and when the speech is over."""
    said = tmp_path / "said.wav"
    subprocess.run(["espeak-ng", "-s", "150", "-w", said, " ".join(SENTENCES * 3)], check=True)
    speech = 0.5 * read(said)[0]
    speech = np.repeat(speech, 2, axis=1)[:, : 30 * SOUND_HZ]  # 22,050 Hz played as 24,000: a little faster
    at = np.arange(12 * SOUND_HZ) / SOUND_HZ
    chord = 0.1 * sum(np.sin(2 * np.pi * hz * at) for hz in (220, 277.2, 329.6))
    noise = 0.05 * np.random.default_rng(0).standard_normal(10 * SOUND_HZ)
    rest = np.concatenate([np.zeros(2 * SOUND_HZ), chord, noise])
    sound = np.concatenate([speech[0], rest, np.zeros(60 * SOUND_HZ)])[: 60 * SOUND_HZ]
    return np.asarray(sound, np.float32)[None], speech.shape[1] / SOUND_HZ


def resident_mib():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


@pytest.mark.campaign
async def test_an_hour_of_speech_music_noise_and_silence_grows_nothing(tmp_path):
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng to speak")
    sound, over_s = minute(tmp_path)
    resident, counts, computed = [], [], []
    with scribe_alone("limelight", cache=tmp_path, patience_s=600) as scribe:
        for number in range(MINUTES):
            pts, words, began = number * 60 * SOUND_HZ, [], time.process_time()
            for at in range(0, sound.shape[1], HOP):
                for caption in await scribe.hear(AudioFrame(pts + at, sound[:, at : at + HOP])):
                    words += caption.committed
            assert all(-0.2 <= word.start_s - 60 * number <= over_s for word in words), "words where nobody speaks"
            counts.append(len(words))
            resident.append(resident_mib())
            computed.append((time.process_time() - began) / 60)
    parts = [slice(10, 20), slice(MINUTES - 10, MINUTES)]
    early, late = (float(np.median(computed[part])) for part in parts)
    print(
        f"words a minute {min(counts)} to {max(counts)}, none where nobody speaks; computing {early:.3f} s/s early and "
    )
    print(f"{late:.3f} late; memory {resident[9]:.0f} MiB after 10 minutes and {resident[-1]:.0f} at the end")
    assert late < 1.5 * early, "captions would come later and later"
    assert min(counts) > 30 and max(counts) - min(counts) <= 0.2 * max(counts)
    assert resident[-1] - resident[9] < 20
