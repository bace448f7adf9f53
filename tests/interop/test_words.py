"""Speech to words with the recogniser that ships, by clients that are not ours: OpenAI's, a websocket, ffprobe."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import openai
import pytest
from websockets.asyncio.client import connect

from tests.judges import SENTENCE, likeness, mixture, wav
from tests.served import RECOGNISER, Served, eventually

pytestmark = pytest.mark.skipif(not RECOGNISER.exists(), reason="no recogniser is installed")

LEAST_LIKE = 0.6


async def live_words(server: Served, sound: np.ndarray, name: str = "talk") -> list[dict[str, object]]:
    """Sent as fast as it is taken; the captions that came back."""
    url = server.base.replace("http", "ws") + f"/sessions/{name}/audio"
    async with connect(url, proxy=None) as door:
        await door.send(json.dumps({"type": "start", "format": "f32le", "returns": ["captions"]}))

        async def talk() -> None:
            for part in np.array_split(sound, len(sound) // 4800):
                await door.send(part.tobytes())
            await door.send(json.dumps({"type": "end"}))

        talking = asyncio.create_task(talk())
        captions = [told async for message in door if (told := json.loads(message))["type"] == "caption"]
        await talking
    return captions


def said(captions: list[dict[str, object]]) -> str:
    return " ".join(str(caption["committed"]) for caption in captions)


async def test_live_and_from_a_file_the_same_words(server: Served, tmp_path: Path) -> None:
    sound = mixture(tmp_path, text=SENTENCE).clean
    captions = await live_words(server, sound)
    client = openai.AsyncOpenAI(api_key="none", base_url=f"{server.base}/v1", max_retries=0)
    async with client:
        answer = await client.audio.transcriptions.create(model="limelight", file=("talk.wav", wav(sound)))
    print(f"live {likeness(SENTENCE, said(captions)):.0%}, file {likeness(SENTENCE, answer.text):.0%}: {answer.text}")
    assert likeness(SENTENCE, said(captions)) > LEAST_LIKE
    assert likeness(said(captions), answer.text) > 0.9
    assert any(caption["tail"] for caption in captions), "words are shown before they are settled"
    subtitles_open(f"{server.base}/sessions/talk/captions.vtt")


def subtitles_open(url: str) -> None:
    """In ffprobe, by their address."""
    if shutil.which("ffprobe") is None:
        return
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name:packet=pts_time", "-of", "json", url]
    told = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert [stream["codec_name"] for stream in told["streams"]] == ["webvtt"]
    assert told["packets"]


async def test_hiss_says_nothing(server: Served) -> None:
    hiss = 0.05 * np.random.default_rng(1).standard_normal(3 * 48_000).astype(np.float32)
    assert said(await live_words(server, hiss)) == ""


SENTENCES = (
    "The ferry leaves the harbour at nine in the morning.",
    "My brother has painted the kitchen door yellow.",
    "Nobody expected the snow to stay until April.",
    "Seven children were playing football in the garden.",
    "She bought a kilo of apples and two loaves of bread.",
    "The doctor told him to rest for another week.",
    "Our train was late because of a tree on the line.",
    "They found an old map behind the bookshelf.",
    "He forgot his umbrella in the library again.",
    "The museum opens its new gallery on Thursday.",
)


@pytest.mark.campaign
async def test_ten_sessions_at_once_get_only_their_own_words(server: Served, tmp_path: Path) -> None:
    await asyncio.to_thread(eventually, lambda: not server.sessions(), within_s=60, what="all places are free")

    async def one(number: int, text: str) -> str:
        folder = tmp_path / str(number)
        folder.mkdir()
        return said(await live_words(server, mixture(folder, text=text).clean, name=f"ten{number}"))

    heard = await asyncio.gather(*(one(number, text) for number, text in enumerate(SENTENCES)))
    own = [likeness(text, words) for text, words in zip(SENTENCES, heard, strict=True)]
    other = [likeness(text, words) for text in SENTENCES for words in heard if words != heard[SENTENCES.index(text)]]
    print(f"of the own sentence {np.mean(own):.0%} (least {min(own):.0%}), of others' at most {max(other):.0%}")
    assert np.mean(own) > LEAST_LIKE
    assert max(other) < min(0.4, min(own)), "articles and the like are common to all"
