"""Sound over a websocket: as many samples out as in, lined up, at any rate; and what bad clients hear."""

import asyncio
import contextlib
import itertools
import json

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from streamer.frame import AudioFrame
from streamer.metrics import Metrics
from streamer.sessions import Sessions
from streamer.transports.codecs import SoundDecoder, SoundEncoder
from streamer.transports.http import Access, Studio
from streamer.transports.pcm import audio_door
from streamer.transports.websocket import websocket_routes
from tests.fakes import client_of, make_session, make_studio
from tests.scripted import Scripted, script


@pytest.fixture
async def client():
    studio = make_studio(capacity=2, gain=0.5, delay=480)
    async with client_of(studio, websocket_routes(studio, audio_door(studio))) as client:
        yield client


def door(client, name):
    return connect(
        f"ws://127.0.0.1:{client.base_url.port}/sessions/{name}/audio", subprotocols=["limelight.v1"], proxy=None
    )


def tone(rate, seconds, channels=1):
    t = np.arange(int(rate * seconds)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * (300 + 200 * channel) * t) for channel in range(channels)]).astype(
        np.float32
    )


async def talk(client, sound, *, form, rate, sizes, name="talk"):
    """Send `sound` in messages of `sizes` samples; what came back, and the closing word."""
    dtype, scale = ("<i2", 32767) if form == "s16le" else ("<f4", 1)
    data = (np.rint(sound * scale) if scale > 1 else sound).T.astype(dtype)
    back = bytearray()

    async def send(socket):
        at, size = 0, itertools.cycle(sizes)
        while at < len(data):
            end = at + next(size)
            await socket.send(data[at:end].tobytes())
            at = end
        await socket.send('{"type": "end"}')

    async with door(client, name) as socket:
        assert socket.subprotocol == "limelight.v1"
        await socket.send(json.dumps({"type": "start", "format": form, "rate": rate, "channels": len(sound)}))
        started = json.loads(await socket.recv())
        assert (started["type"], started["rate"], started["delay_ms"]) == ("started", rate, 10.0)
        sender = asyncio.create_task(send(socket))
        while isinstance(message := await socket.recv(), bytes):
            back += message
        await sender
    samples = np.frombuffer(bytes(back), dtype).reshape(-1, len(sound)).T.astype(np.float32)
    return samples / scale, json.loads(message)


@pytest.mark.parametrize("form", ["f32le", "s16le"])
@pytest.mark.parametrize(
    ("rate", "channels", "sizes"),
    [(48_000, 1, [480]), (48_000, 2, [1, 777, 5000]), (16_000, 1, [160]), (44_100, 2, [441, 1000])],
)
async def test_what_comes_back_lines_up_with_what_went_in(client, form, rate, channels, sizes):
    sound = tone(rate, 0.7, channels)
    out, ended = await talk(client, sound, form=form, rate=rate, sizes=sizes)
    assert ended == {"type": "ended", "samples_in": sound.shape[1], "samples_out": sound.shape[1]}
    middle = slice(rate // 50, -rate // 50)
    tolerance = 2e-3 if rate != 48_000 else 1e-4
    assert np.abs(out[:, middle] - 0.5 * sound[:, middle]).max() < tolerance


async def test_a_stereo_client_of_a_mono_session_gets_both_channels(client):
    await talk(client, tone(48_000, 0.1), form="f32le", rate=48_000, sizes=[480], name="both")
    sound = np.repeat(tone(48_000, 0.3), 2, axis=0)
    out, _ = await talk(client, sound, form="f32le", rate=48_000, sizes=[480], name="both")
    assert np.abs(out[:, 960:-960] - 0.5 * sound[:, 960:-960]).max() < 1e-4


async def test_empty_sound_is_well_formed(client):
    out, ended = await talk(client, np.empty((1, 0), np.float32), form="f32le", rate=48_000, sizes=[480])
    assert (out.shape, ended["samples_out"]) == ((1, 0), 0)


BAD = [
    (b"\0\0", None, 1003, "first message must be text"),
    ('{"type": "start"}', None, 1007, "format"),
    ('{"type": "start", "format": "mp3"}', None, 1007, "s16le"),
    ('{"type": "start", "format": "s16le", "rate": 100}', None, 1007, "8000"),
    ('{"type": "start", "format": "s16le", "channels": 7}', None, 1007, "channels"),
    ("no json", None, 1007, "start"),
    ('{"type": "start", "format": "s16le", "settings": {"enhance": {"strength": 9}}}', None, 1007, "0.0 to 1.0"),
    ('{"type": "start", "format": "s16le"}', b"\0", 1007, "whole number"),
    ('{"type": "start", "format": "f32le"}', np.float32([0, np.nan]).tobytes(), 1007, "NaN"),
    ('{"type": "start", "format": "f32le"}', "hello", 1003, "end"),
    ('{"type": "start", "format": "opus", "rate": 16000}', None, 1007, "48000"),
]


@pytest.mark.parametrize(("first", "then", "code", "text"), BAD)
async def test_bad_clients_are_told_what_is_wrong(client, first, then, code, text):
    async with door(client, "bad") as socket:
        await socket.send(first)
        if then is not None:
            assert json.loads(await socket.recv())["type"] == "started"
            await socket.send(then)
        answer = json.loads(await socket.recv())
        assert answer["type"] == "error"
        assert text in answer["error"]
        with pytest.raises(ConnectionClosed):
            await socket.recv()
        assert socket.close_code == code
    # the session is free again for the next publisher
    _, ended = await talk(client, tone(48_000, 0.1), form="f32le", rate=48_000, sizes=[480], name="bad")
    assert ended["samples_out"] == 4800


async def test_a_second_publisher_and_a_full_server_are_refused(client):
    async with (
        door(client, "a") as first,
        door(client, "a") as again,
        door(client, "b") as other,
        door(client, "c") as last,
    ):
        answers = []
        for socket in (first, again, other, last):
            await socket.send('{"type": "start", "format": "s16le"}')
            answers.append(json.loads(await socket.recv()))
        assert [answer["type"] for answer in answers] == ["started", "error", "started", "error"]
        assert "already publishes" in answers[1]["error"]
        assert "in use" in answers[3]["error"]


async def test_a_client_that_vanishes_leaves_the_session_free(client):
    async with door(client, "gone") as socket:
        await socket.send('{"type": "start", "format": "f32le"}')
        await socket.recv()
        await socket.send(bytes(4 * 4800))
        socket.transport.abort()
    _, ended = await talk(client, tone(48_000, 0.1), form="f32le", rate=48_000, sizes=[480], name="gone")
    assert ended["samples_out"] == 4800


async def test_opus_packets_come_back_as_opus_packets(client):
    sound = tone(48_000, 1.0)
    coder = SoundEncoder(1)
    packets = [packet.payload for packet in coder.encode(AudioFrame(0, sound))]
    async with door(client, "opus") as socket:
        await socket.send('{"type": "start", "format": "opus"}')
        assert json.loads(await socket.recv())["format"] == "opus"
        for packet in packets:
            await socket.send(packet)
        await socket.send('{"type": "end"}')
        back = []
        while isinstance(message := await socket.recv(), bytes):
            back.append(message)
    ended = json.loads(message)
    assert (ended["samples_in"], ended["samples_out"], len(back)) == (48_000, 48_000, 50)
    decoder = SoundDecoder(1)
    heard = np.concatenate([decoder.decode(packet) for packet in back], axis=1)[0, 4800:-4800]
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(heard.size)))
    assert np.argmax(spectrum) * 48_000 / heard.size == pytest.approx(300, abs=2)
    assert np.sqrt(2 * np.mean(heard**2)) == pytest.approx(0.25, rel=0.1)


async def test_what_is_no_opus_packet_is_told(client):
    async with door(client, "opus") as socket:
        await socket.send('{"type": "start", "format": "opus"}')
        await socket.recv()
        await socket.send(b"\xff" * 40)
        assert "Opus" in json.loads(await socket.recv())["error"]


TEXT = "Good evening and welcome to the second half."


def captioned_studio(slow_s):
    """Each session has a recogniser of its own, which says its session's name and then `TEXT`."""

    def make(name, channels):
        recogniser = Scripted(script(f"{name} {TEXT}", start_s=0.5))
        recogniser.slow_s = slow_s
        return make_session(name, channels, recogniser=recogniser)

    sessions = Sessions(make, capacity=10, idle_s=30.0, longest_s=3600.0)
    return Studio(sessions=sessions, metrics=Metrics(), access=Access())


def spoken(seconds=6.0, rate=16_000):
    """What the fakes take for a voice, between silences: 16-bit PCM."""
    t = np.arange(int(seconds * rate)) / rate
    return np.rint(8000 * np.sin(2 * np.pi * 220 * t) * (t > 0.3) * (t < 4.5)).astype("<i2").tobytes()


async def captions_of(client, name, *, returns=("captions",), seconds=6.0, settings=None):
    """Send faster than real time; everything that came back."""
    back = []
    async with door(client, name) as socket:
        start = {"type": "start", "format": "s16le", "rate": 16_000, "returns": returns, "settings": settings}
        await socket.send(json.dumps(start))
        back.append(await socket.recv())

        async def send():
            pcm = spoken(seconds)
            for at in range(0, len(pcm), 3200):
                await socket.send(pcm[at : at + 3200])
            await socket.send('{"type": "end"}')

        sender = asyncio.create_task(send())
        back += [message async for message in socket]
        await sender
    texts = [json.loads(message) for message in back if isinstance(message, str)]
    return texts, sum(len(message) for message in back if isinstance(message, bytes))


@contextlib.asynccontextmanager
async def captioning(slow_s=0.0):
    studio = captioned_studio(slow_s)
    async with client_of(studio, websocket_routes(studio, audio_door(studio)), limit_s=30) as client:
        yield client


def said(texts):
    return " ".join(message["committed"] for message in texts if message["type"] == "caption" and message["committed"])


@pytest.mark.parametrize("returns", [("captions",), ("sound", "captions")])
async def test_captions_come_back_with_the_sound_or_without(returns):
    async with captioning() as client:
        (started, *captions, ended), sound_bytes = await captions_of(client, "Ada", returns=returns)
    assert (started["type"], ended["type"]) == ("started", "ended")
    assert said(captions) == f"Ada {TEXT}"
    assert captions[-1]["final"] and {caption["pace"] for caption in captions} == {"live"}
    assert sound_bytes == (2 * 96_000 if "sound" in returns else 0)


async def test_in_caption_true_mode_everything_comes_back_too():
    hold = {"captions": {"hold": True, "hold_s": 0.5}}
    async with captioning() as client:
        texts, sound_bytes = await captions_of(client, "Ada", returns=("sound", "captions"), settings=hold)
    assert said(texts) == f"Ada {TEXT}"
    assert sound_bytes == 2 * 96_000


async def test_a_slow_recogniser_holds_the_client_back_and_loses_no_word():
    async with captioning(slow_s=0.02) as client:
        texts, _ = await captions_of(client, "Ada", seconds=20.0)
    assert said(texts) == f"Ada {TEXT}"
    assert not [message for message in texts if message.get("pace") == "skipped"]


async def test_ten_sessions_get_only_their_own_words():
    names = ["Ada", "Bo", "Cy", "Di", "Ed", "Flo", "Gus", "Hal", "Ivy", "Jo"]
    async with captioning() as client:
        answers = await asyncio.gather(*(captions_of(client, name) for name in names))
    assert [said(texts) for texts, _ in answers] == [f"{name} {TEXT}" for name in names]


async def test_after_a_pause_captions_are_not_taken_to_be_late():
    async with captioning() as client, door(client, "Ada") as socket:
        await socket.send('{"type": "start", "format": "s16le", "rate": 16000, "returns": ["captions"]}')
        await socket.recv()
        await asyncio.sleep(1.0)
        await socket.send(spoken())
        await socket.send('{"type": "end"}')
        texts = [json.loads(message) async for message in socket]
    assert max(message["lag_s"] for message in texts if message["type"] == "caption") < 0.5


async def test_captions_where_there_is_no_recogniser(client):
    async with door(client, "deaf") as socket:
        await socket.send('{"type": "start", "format": "s16le", "returns": ["captions"]}')
        assert "no recogniser" in json.loads(await socket.recv())["error"]
