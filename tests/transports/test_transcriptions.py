"""`POST /v1/audio/transcriptions` with OpenAI's own client against a served server; what each bad request hears."""

import asyncio
import contextlib
import io

import av
import numpy as np
import openai
import pytest

from streamer.frame import SOUND_HZ
from streamer.sessions import Full
from streamer.stages.captions import Captioner
from streamer.stages.scribe import Scribe
from streamer.stages.speech import Speech
from streamer.text.subtitles import FORMATS
from streamer.transports import asked, transcriptions
from streamer.transports.transcriptions import transcription_routes
from tests.fakes import Loud, client_of, make_studio
from tests.judges import wav
from tests.scripted import Scripted, script

TEXT = "Good evening and welcome to the second half."


class Stages:
    """Makes scribes whose recogniser says `TEXT`; keeps them."""

    def __init__(self, slow_s=0.0, full=False):
        self.made, self.hot_words, self._slow_s, self._full = [], [], slow_s, full

    def __call__(self, hot_words):
        if self._full:
            raise Full("no slot is free; try again soon")
        recogniser = Scripted(script(TEXT, start_s=0.5))
        recogniser.slow_s = self._slow_s
        self.made.append(recogniser)
        self.hot_words.append(hot_words)
        return Scribe(Speech(Loud()), Captioner(recogniser))


@contextlib.asynccontextmanager
async def serving(stages):
    studio = make_studio()
    async with (
        client_of(studio, transcription_routes(studio, stages), limit_s=20) as http,
        openai.AsyncOpenAI(api_key="none", base_url=f"{http.base_url}/v1", max_retries=0) as client,
    ):
        yield client, http


@pytest.fixture
async def client():
    stages = Stages()
    async with serving(stages) as (client, http):
        client.stages, client.http = stages, http
        yield client
        assert all(recogniser.closed for recogniser in stages.made), "every slot is given back"


def speech(seconds=4.0, rate=SOUND_HZ, peak=0.5):
    """Something that the voice detector of these tests takes for a voice, between two silences."""
    t = np.arange(int(seconds * rate)) / rate
    return peak * np.sin(2 * np.pi * 220 * t) * (t > 0.3) * (t < seconds - 0.5)


def encoded(samples, *, container, codec, rate, layout="mono"):
    file = io.BytesIO()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.rint(samples[None] * 32767).astype("<i2"), format="s16", layout=layout)
        frame.sample_rate = rate
        for ready in av.AudioResampler(format=stream.codec_context.format, rate=rate).resample(frame):
            out.mux(stream.encode(ready))
        out.mux(stream.encode(None))
    return file.getvalue()


async def read(client, *, stream):
    """A transcription to its end."""
    answer = await ask(client, stream=stream)
    return [event async for event in answer] if stream else answer


RECORDING = ("talk.wav", wav(speech().astype(np.float32)))


async def ask(client, **options):
    return await client.audio.transcriptions.create(**{"file": RECORDING, "model": "whisper-1", **options})


async def test_json(client):
    said = await ask(client, model="limelight", language="en-GB", temperature=0.0)
    assert said.text == TEXT
    assert said.usage.seconds == 4


@pytest.mark.parametrize("shape", ["text", "srt", "vtt"])
async def test_text_and_subtitles(client, shape):
    said = await ask(client, response_format=shape)
    if shape == "text":
        assert said == f"{TEXT}\n"
        return
    assert said.startswith(FORMATS[shape].head) and "Good evening and" in said
    with av.open(io.BytesIO(said.encode())) as file:
        (packet,) = [packet for packet in file.demux(subtitles=0) if packet.size]
        assert packet.pts == 500


async def test_verbose_json_has_segments_and_words_where_they_are_asked_for(client):
    said = await ask(client, response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert (said.text, said.language, round(said.duration, 2)) == (TEXT, "english", 4.0)
    assert [word.word for word in said.words] == TEXT.split()
    assert (said.words[1].start, said.words[1].end) == (0.85, 1.15)
    (segment,) = said.segments
    assert (segment.start, segment.text, segment.avg_logprob) == (0.5, TEXT, pytest.approx(np.log(0.9), abs=1e-3))
    assert (await ask(client, response_format="verbose_json")).words is None


async def test_a_stream_of_events_adds_up_to_the_whole(client):
    deltas, whole = [], None
    async for event in await ask(client, stream=True):
        if event.type == "transcript.text.delta":
            deltas.append(event.delta)
        else:
            whole = event.text
    assert "".join(deltas) == whole == TEXT
    assert len(deltas) > 2


async def test_names_in_the_prompt_are_expected(client):
    await ask(client, prompt="Ada Lovelace, Babbage\nAda Lovelace")
    assert client.stages.hot_words == [("Ada Lovelace", "Babbage")]


@pytest.mark.parametrize(
    ("container", "codec", "rate", "peak"),
    [
        ("wav", "pcm_mulaw", 8000, 0.5),  # a telephone
        ("wav", "pcm_s16le", 16000, 1.0),
        ("mp3", "libmp3lame", 44100, 0.5),
        ("ogg", "libopus", 48000, 0.5),
        ("mp4", "aac", 48000, 0.5),
    ],
)
async def test_whatever_the_recording_is(client, container, codec, rate, peak):
    sound = np.clip(3 * speech(rate=rate, peak=peak), -1, 1) if peak == 1.0 else speech(rate=rate, peak=peak)
    file = (f"talk.{container}", encoded(sound, container=container, codec=codec, rate=rate))
    assert (await ask(client, file=file)).text == TEXT


async def test_silence_is_not_filled_with_words(client):
    assert (await ask(client, file=("quiet.wav", wav(np.zeros(SOUND_HZ, np.float32))))).text == ""


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"model": "gpt-9"}, "'gpt-9' is not known here; one of: limelight, whisper-1"),
        ({"language": "tlh"}, r"'tlh' is not known here; known: en \(english\)"),
        ({"response_format": "pdf"}, "one of: json, text, srt, vtt, verbose_json"),
        ({"timestamp_granularities": ["word"]}, "only with response_format verbose_json"),
        ({"response_format": "verbose_json", "timestamp_granularities": ["phone"]}, "one of: segment, word"),
        ({"response_format": "srt", "stream": True}, "stream: only with"),
        ({"file": ("talk.wav", b"")}, "file: it is empty"),
        ({"file": ("talk.wav", b"not sound at all " * 99)}, "talk.wav: not media"),
        ({"file": ("talk.m3u8", PLAYLIST)}, "talk.m3u8: not media"),
        ({"file": ("talk.wav", wav(np.zeros(0, np.float32)))}, "sound"),
    ],
)
async def test_what_is_wrong_is_said(client, options, text):
    with pytest.raises(openai.BadRequestError, match=text):
        await ask(client, **options)


async def test_forms_that_are_none(client):
    answers = [
        await client.http.post("/v1/audio/transcriptions", json={"file": "x"}),
        await client.http.post("/v1/audio/transcriptions", data={"model": "limelight"}, files={"other": b"x"}),
        await client.http.post(
            "/v1/audio/transcriptions", content=b"x", headers={"content-type": "multipart/form-data"}
        ),
    ]
    assert [answer.status_code for answer in answers] == [415, 400, 400]
    assert all(answer.json()["error"]["message"] for answer in answers)


async def test_too_much_is_refused(client, monkeypatch):
    monkeypatch.setattr(asked, "LONGEST_UPLOAD", 100_000)
    with pytest.raises(openai.APIStatusError, match="larger than") as refused:
        await ask(client)
    assert refused.value.status_code == 413
    monkeypatch.undo()
    monkeypatch.setattr(transcriptions, "LONGEST_S", 3.0)
    with pytest.raises(openai.BadRequestError, match="longer than"):
        await ask(client)


async def test_a_few_at_a_time_and_the_next_is_told_to_come_back():
    stages = Stages(slow_s=0.02)
    async with serving(stages) as (client, _):
        first = [asyncio.create_task(ask(client)) for _ in range(transcriptions.AT_ONCE)]
        while len(stages.made) < len(first):
            await asyncio.sleep(0.01)
        with pytest.raises(openai.InternalServerError, match="try again soon") as refused:
            await ask(client)
        assert (refused.value.status_code, refused.value.response.headers["retry-after"]) == (503, "5")
        assert [said.text for said in await asyncio.gather(*first)] == [TEXT] * len(first)
        assert (await ask(client)).text == TEXT


async def test_an_upload_that_never_ends_is_given_up(monkeypatch):
    monkeypatch.setattr(transcriptions, "UPLOADS", 1)
    monkeypatch.setattr(transcriptions, "UPLOAD_S", 0.3)

    async def slowly():
        yield b"--x\r\n"
        await asyncio.sleep(0.6)
        yield b"too late"

    async with serving(Stages()) as (client, http):
        headers = {"content-type": "multipart/form-data; boundary=x"}
        slow = asyncio.create_task(http.post("/v1/audio/transcriptions", content=slowly(), headers=headers))
        await asyncio.sleep(0.1)
        with pytest.raises(openai.InternalServerError, match="try again soon"):
            await ask(client)
        assert (await slow).status_code == 408
        assert (await ask(client)).text == TEXT


async def test_a_full_model_is_said_and_no_place_is_lost():
    stages = Stages(full=True)
    async with serving(stages) as (client, _):
        for _ in range(transcriptions.AT_ONCE + 1):
            with pytest.raises(openai.InternalServerError, match="no slot is free"):
                await ask(client)


@pytest.mark.parametrize("stream", [False, True])
async def test_who_goes_away_gives_back_the_place(stream):
    stages = Stages(slow_s=0.05)
    async with serving(stages) as (client, _):
        for _ in range(transcriptions.AT_ONCE + 1):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(client, stream=stream), 0.15)
            while not all(recogniser.closed for recogniser in stages.made):
                await asyncio.sleep(0.02)
        assert len(stages.made) == transcriptions.AT_ONCE + 1


async def test_models_are_listed(client):
    assert [model.id async for model in client.models.list()] == ["limelight", "whisper-1"]
