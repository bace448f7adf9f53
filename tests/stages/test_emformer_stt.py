"""The public recogniser behind captions, end to end on random weights: engine, searches, segments, sessions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

import server
from models.emformer.search import Limits
from streamer.engine import EngineFull
from streamer.stages.emformer_stt import make_emformer
from streamer.stages.recognise import Heard, Narrowing, Recogniser
from streamer.stages.searched import Stt
from tests.models.emformer.small import bundle

CHUNK = 7680
CHUNKS = 5


@pytest.fixture(scope="module")
def speech() -> Iterator[Stt]:
    made = make_emformer(bundle(), slots=10, limits=Limits(beam=3), share=math.inf)
    yield made
    made.close()


def sound(seed: int, chunks: int = CHUNKS) -> NDArray[np.float32]:
    """Noise whose colour and level change, so that sessions differ."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((1, chunks * CHUNK)).cumsum(1) % 1.0 - 0.5
    return (noise * rng.uniform(0.01, 1, (chunks * 8, 1)).repeat(CHUNK // 8, 0).T).astype(np.float32)


async def hear(recogniser: Recogniser, x: NDArray[np.float32], *, pts: int = 0) -> list[Heard]:
    parts = np.split(x, x.shape[1] // CHUNK, axis=1)
    heard = [await recogniser.hear(part, pts=pts + at * CHUNK) for at, part in enumerate(parts)]
    return [*heard, await recogniser.finish()]


async def alone(speech: Stt, seed: int) -> Heard:
    recogniser = speech.recogniser()
    heard = await hear(recogniser, sound(seed))
    recogniser.close()
    return heard[-1]


def texts(heard: Heard) -> list[str]:
    return [word.text for word in heard.words]


async def test_words_grow_and_stable_ones_stay(speech: Stt) -> None:
    recogniser = speech.recogniser()
    assert recogniser.chunk_samples == CHUNK
    assert isinstance(recogniser, Narrowing)
    seam: Recogniser = recogniser
    heard = await hear(recogniser, sound(1), pts=48_000)
    seam.close()
    for before, after in zip(heard, heard[1:], strict=False):
        assert texts(after)[: before.stable] == texts(before)[: before.stable]
    last = heard[-1]
    assert last.words
    assert last.stable == len(last.words)
    assert all(1.0 <= word.start_s < word.end_s <= 1.0 + (CHUNKS + 1) * 0.16 for word in last.words)


async def test_ten_sessions_hear_only_themselves(speech: Stt) -> None:
    apart = [await alone(speech, seed) for seed in range(10)]
    assert len({tuple(round(word.confidence, 2) for word in heard.words) for heard in apart}) == 10
    together = await asyncio.gather(*(alone(speech, seed) for seed in range(10)))
    for one, other in zip(apart, together, strict=True):
        assert texts(one) == texts(other)
        for word, again in zip(one.words, other.words, strict=True):
            assert (again.start_s, again.confidence) == pytest.approx((word.start_s, word.confidence), rel=1e-3)


async def test_a_segment_knows_nothing_of_the_one_before(speech: Stt) -> None:
    recogniser = speech.recogniser()
    await hear(recogniser, sound(2))
    second = (await hear(recogniser, sound(3), pts=0))[-1]
    recogniser.close()
    assert texts(second) == texts(await alone(speech, 3))
    assert await recogniser.finish() == Heard()


async def test_a_segment_that_was_cut_short_is_forgotten(speech: Stt) -> None:
    recogniser = speech.recogniser()
    await recogniser.hear(sound(4, 1), pts=0)
    waiting = asyncio.create_task(recogniser.hear(sound(4, 1), pts=CHUNK))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await recogniser.finish() == Heard()
    again = (await hear(recogniser, sound(3)))[-1]
    recogniser.close()
    assert texts(again) == texts(await alone(speech, 3))


async def test_without_any_time_the_beam_is_one() -> None:
    speech = make_emformer(bundle(), slots=1, share=0.0)
    narrowed = await hear(speech.recogniser(), sound(1))
    speech.close()
    # One hypothesis: all but the last word are settled at once.
    assert all(heard.stable >= len(heard.words) - 1 for heard in narrowed)
    assert any(heard.words for heard in narrowed)


async def test_time_is_shared_out_and_less_while_captions_lag() -> None:
    speech = make_emformer(bundle(), slots=2, share=0.8)
    first, second = speech.recogniser(), speech.recogniser()
    assert speech.budget(late=False) == pytest.approx(0.4)
    assert speech.budget(late=True) == pytest.approx(0.08)
    first.close()
    first.close()
    assert speech.budget(late=False) == pytest.approx(0.8)
    second.close()
    speech.close()


async def test_a_full_engine_says_so(speech: Stt) -> None:
    taken = [speech.recogniser() for _ in range(10)]
    with pytest.raises(EngineFull):
        speech.recogniser()
    for recogniser in taken:
        recogniser.close()
        recogniser.close()
    speech.recogniser().close()


def test_no_connection_at_the_start_says_what_to_do(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sentencepiece")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert server.main(["--stt", "emformer", "--cache", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "https://download.pytorch.org/torchaudio/models/emformer_rnnt_base_librispeech.pt" in said
    assert f"{tmp_path}/emformer/emformer_rnnt_base_librispeech.pt" in said
