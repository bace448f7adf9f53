"""`POST /v1/audio/speech` with OpenAI's own client, `/v1/audio/speech/stream`, and lines said in a session by HTTP."""

import asyncio
import base64
import contextlib
import io
import json
import socket as socketlib

import av
import numpy as np
import openai
import pytest
import websockets

from streamer.sessions import Full
from streamer.stages.saying import Saying
from streamer.stages.talk import NoVoice
from streamer.transports import speech, speech_socket
from streamer.transports.doors import speech_routes
from streamer.transports.say import say_route
from streamer.transports.speech import LONGEST_INPUT, SPOKEN_AT_ONCE
from streamer.transports.speech_out import CONTENT_TYPES
from streamer.transports.websocket import websocket_routes
from tests.fakes import client_of, make_studio
from tests.voiced import LEVEL, Tones

TEXT = "Good evening and welcome. To the second half."
SECONDS = 8 * 0.3 + 2 * 0.2


class Desk:
    """A server whose voice is made of tones, and its clients."""

    def __init__(self, http, client, voice):
        self.http, self.client, self.voice = http, client, voice
        self.socket_url = str(http.base_url).replace("http", "ws") + "/v1/audio/speech/stream"

    def socket(self):
        return websockets.connect(self.socket_url)


@contextlib.asynccontextmanager
async def desk(voice, *, fails=None):
    studio = make_studio(voice=voice)

    def begin(controls):
        if fails is not None:
            raise fails
        return Saying(voice, controls=controls)

    routes = [*speech_routes(studio, begin), say_route(studio), *websocket_routes(studio, None)]
    async with (
        client_of(studio, routes, limit_s=30) as http,
        openai.AsyncOpenAI(api_key="none", base_url=f"{http.base_url}/v1", max_retries=0) as client,
    ):
        yield Desk(http, client, voice)
        free = voice.free + len([session for session in studio.sessions if session.talk.stats()])
    assert voice.free == 10, f"every slot is given back: {free}"


@pytest.fixture
async def here():
    async with desk(Tones()) as made:
        yield made


def decoded(file):
    with av.open(io.BytesIO(file)) as container:
        rate = container.streams.audio[0].rate
        sound = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)[0]
    return sound / (32768 if sound.dtype.kind == "i" else 1), rate


@pytest.mark.parametrize("form", CONTENT_TYPES)
async def test_openais_client_gets_the_whole_text_in_every_format(here, form):
    answer = await here.client.audio.speech.create(
        model="tts-1", voice="alloy", input=TEXT, response_format=form, instructions="cheerfully"
    )
    assert answer.response.headers["content-type"].startswith(CONTENT_TYPES[form])
    sound, rate = decoded(answer.content) if form != "pcm" else (np.frombuffer(answer.content, "<i2") / 32768, 24_000)
    assert len(sound) / rate == pytest.approx(SECONDS, abs=0.1)
    assert np.percentile(np.abs(sound), 95) == pytest.approx(LEVEL, abs=0.05)
    assert here.voice.spoken == ["Good evening and welcome.", " To the second half."]


async def test_it_is_sent_while_it_is_made_and_at_the_speed_asked_for():
    async with desk(Tones(slow_s=0.002)) as here:
        request = here.client.audio.speech.with_streaming_response.create(
            model="limelight", voice="limelight", input=TEXT, response_format="pcm", speed=2.0
        )
        async with request as answer:
            parts = answer.iter_bytes(1000)
            await anext(parts)
            assert len(here.voice.spoken) == 1, "the rest is not made yet"
            rest = [part async for part in parts]
        assert (1000 + sum(map(len, rest))) / 48_000 == pytest.approx(SECONDS - 1.2, abs=0.05)


async def test_events_carry_the_same_file(here):
    async with here.client.audio.speech.with_streaming_response.create(
        model="limelight", voice="limelight", input=TEXT, response_format="wav", stream_format="sse"
    ) as answer:
        lines = [json.loads(line.removeprefix("data: ")) async for line in answer.iter_lines() if line]
    assert [line["type"] for line in lines[-2:]] == ["speech.audio.delta", "speech.audio.done"]
    sound, rate = decoded(b"".join(base64.b64decode(line["audio"]) for line in lines[:-1]))
    assert len(sound) / rate == pytest.approx(SECONDS, abs=0.01)


WRONG_ASKS = (
    ({"input": ""}, "input", "at least 1"),
    ({"input": " \n\t"}, "input", "nothing to say"),
    ({"input": "a" * 100_000}, "input", f"at most {LONGEST_INPUT}"),
    ({"input": "#Привет #мир"}, "input", "none of this can be spoken"),
    ({"voice": "bob"}, "voice", "limelight"),
    ({"model": "eleven"}, "model", "limelight"),
    ({"speed": 9.0}, "speed", "less than or equal to 2"),
    ({"response_format": "midi"}, "response_format", "mp3"),
)


async def test_what_is_wrong_is_told_with_its_field(here):
    for wrong, field, says in WRONG_ASKS:
        with pytest.raises(openai.BadRequestError) as error:
            await here.client.audio.speech.create(**{"model": "limelight", "voice": "limelight", "input": TEXT} | wrong)
        assert error.value.param == field and says in error.value.message


@pytest.mark.parametrize("fails", [Full("voice is full; try again soon"), NoVoice("no voice here")])
async def test_no_slot_or_no_voice_is_an_honest_503(fails):
    async with desk(Tones(), fails=fails) as here:
        with pytest.raises(openai.InternalServerError, match=str(fails)) as error:
            await here.client.audio.speech.create(model="limelight", voice="limelight", input=TEXT)
        assert error.value.response.headers["retry-after"]
        async with here.socket() as socket:
            await socket.send('{"type": "start"}')
            assert str(fails) in await socket.recv()
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd.code == 1013


async def test_a_few_at_a_time():
    async with desk(Tones(slow_s=0.01)) as here:
        body = {"model": "limelight", "input": "one, two, three, four, five", "response_format": "pcm"}
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(SPOKEN_AT_ONCE):
                answer = here.http.stream("POST", "/v1/audio/speech", json=body)
                await stack.enter_async_context(answer)
            refused = await here.http.post("/v1/audio/speech", json=body)
            assert refused.status_code == 503 and "try again" in refused.json()["error"]["message"]
        while here.voice.free < 10:  # those who left are noticed
            await asyncio.sleep(0.01)


async def narrow(here):
    """A connection that takes in little when nobody reads."""
    connection = socketlib.socket()
    connection.setsockopt(socketlib.SOL_SOCKET, socketlib.SO_RCVBUF, 4096)
    connection.setblocking(False)
    address = (here.http.base_url.host, here.http.base_url.port)
    await asyncio.get_running_loop().sock_connect(connection, address)
    return connection


@pytest.mark.campaign
async def test_who_stops_reading_an_answer_is_left_after_a_while_and_holds_nothing(monkeypatch):
    monkeypatch.setattr(speech, "PATIENCE_S", 0.2)
    async with desk(Tones()) as here:
        long = json.dumps({"model": "limelight", "input": "a long text, " * 700, "response_format": "pcm"}).encode()
        reader, writer = await asyncio.open_connection(sock=await narrow(here))
        head = "POST /v1/audio/speech HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Length: {len(long)}\r\n\r\n".encode() + long)
        await reader.read(100)
        assert here.voice.free == 9
        while here.voice.free < 10:
            await asyncio.sleep(0.01)
        writer.close()


def masked(message):
    """A text frame of a client (RFC 6455), masked with zeros."""
    body = json.dumps(message).encode()
    return b"\x81" + bytes([0x80 | 126]) + len(body).to_bytes(2, "big") + bytes(4) + body


async def test_who_stops_reading_a_socket_is_left_after_a_while_and_holds_nothing(monkeypatch):
    monkeypatch.setattr(speech_socket, "PATIENCE_S", 0.2)
    async with desk(Tones()) as here:
        reader, writer = await asyncio.open_connection(sock=await narrow(here), limit=1000)
        asked = ("Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        head = "\r\n".join(("GET /v1/audio/speech/stream HTTP/1.1", *asked, key))
        writer.write(f"{head}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(masked({"type": "start", "format": "f32le", "rate": 192_000}))
        writer.write(masked({"type": "text", "text": "a long text, " * 100}))
        while not here.voice.spoken or here.voice.free < 10:
            await asyncio.sleep(0.01)
        assert len(here.voice.spoken) < 50, "no more is made than is read"
        writer.transport.abort()


async def conversation(socket, *messages, start=None, until="ended"):
    """Sends, and collects until a message of that type: the sound, and the messages by their types."""
    for message in ([start or {"type": "start"}] if start is not False else []) + list(messages):
        await socket.send(json.dumps(message))
    sound, told = b"", []
    while not told or told[-1]["type"] != until:
        message = await socket.recv()
        if isinstance(message, bytes):
            sound += message
        else:
            told.append(json.loads(message))
    return sound, told


def texts(*tokens):
    return [{"type": "text", "text": token} for token in tokens]


async def test_tokens_go_in_and_sound_and_times_come_out(here):
    async with here.socket() as socket:
        sound, told = await conversation(socket, *texts("Good e", "vening", " every", "one"), {"type": "end"})
    assert told[0] == {"type": "started", "format": "s16le", "rate": 24_000, "channels": 1}
    words = [word for message in told if message["type"] == "timing" for word in message["words"]]
    assert [(word["text"], word["begin"], word["start_s"]) for word in words] == [
        ("Good", 0, 0.0),
        ("evening", 5, 0.3),
        ("everyone", 13, 0.6),
    ]
    assert len(sound) / 48_000 == pytest.approx(1.1, abs=0.001) and told[-1]["seconds"] == pytest.approx(1.1)
    assert all(message["phones"] for message in told if message["type"] == "timing")


async def test_a_flush_says_what_is_there_and_cancel_drops_the_rest(here):
    async with here.socket() as socket:
        _, told = await conversation(socket, *texts("Hello"), {"type": "flush"}, until="flushed")
        assert told[-1]["seconds"] == pytest.approx(0.5)
        slow = "one, two, three, four, five, six, seven, eight, nine, ten, "
        await conversation(socket, *texts(slow * 20), start=False, until="timing")
        _, told = await conversation(socket, {"type": "cancel"}, start=False, until="cancelled")
        assert told[-1]["epoch"] == 1 and told[-1]["sent_s"] < 50
        _, told = await conversation(socket, *texts("#x Bye."), {"type": "end"}, start=False)
        words = [word["text"] for message in told if message["type"] == "timing" for word in message["words"]]
        assert words == ["Bye"] and {"type": "unspoken", "text": ["#x"]} in told


async def test_how_it_speaks_can_change_in_the_middle(here):
    async with here.socket() as socket:
        start = {"type": "start", "voice": {"speed": 2.0}, "format": "opus"}
        packets, told = await conversation(
            socket, *texts("Four words fast now."), {"type": "flush"}, start=start, until="flushed"
        )
        assert told[-1]["seconds"] == pytest.approx(0.8)
        change = {"type": "set", "voice": {"speed": 1.0}}
        _, told = await conversation(socket, change, *texts("Slow."), {"type": "end"}, start=False)
        assert told[-1]["seconds"] == pytest.approx(1.3)
        assert packets


WRONG_MESSAGES = (
    ({"type": "shout"}, "shout"),
    ({"type": "text"}, "text"),
    ({"type": "text", "text": "a" * 100_000}, "at most"),
    ({"type": "set", "voice": {"speed": 7}}, "speed"),
    ("{", "JSON"),
)
WRONG_STARTS = (b"\x00\x00", "hello", '{"type": "start", "format": "mp3"}', '{"type": "text", "text": "a"}')


async def test_a_message_that_makes_no_sense_is_told_and_the_stream_goes_on(here):
    async with here.socket() as socket:
        await socket.send('{"type": "start"}')
        for message, says in WRONG_MESSAGES:
            await socket.send(message if isinstance(message, str) else json.dumps(message))
            _, told = await conversation(socket, start=False, until="error")
            assert says in told[-1]["error"]
        _, told = await conversation(socket, *texts("Fine."), {"type": "end"}, start=False)
        assert told[-1]["seconds"] > 0


async def test_a_wrong_beginning_closes_the_socket(here):
    for first in WRONG_STARTS:
        async with here.socket() as socket:
            await socket.send(first)
            assert json.loads(await socket.recv())["type"] == "error"
            with pytest.raises(websockets.ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd.code == 1007


async def test_a_line_opens_a_session_and_is_told_to_who_listens(here):
    first = await here.http.post("/sessions/typed/say", json={"text": "Hello there."})
    assert (first.status_code, first.json()) == (202, {"line": 1})
    async with websockets.connect(str(here.http.base_url).replace("http", "ws") + "/sessions/typed/events") as socket:
        await socket.send(json.dumps({"type": "say", "text": "And you?"}))
        states = []
        while states[-1:] != [(2, "said")]:
            message = json.loads(await socket.recv())
            if message["type"] == "saying":
                states.append((message["line"], message["state"]))
        assert {(2, "given"), (2, "word"), (1, "said")} <= set(states)
        await socket.send(json.dumps({"type": "say", "text": ""}))
        while (message := json.loads(await socket.recv()))["type"] != "error":
            pass
        assert "empty" in message["error"]
        await socket.send(json.dumps({"type": "say", "text": "A long line, that nobody wants to hear."}))
        assert (await here.http.delete("/sessions/typed/say")).status_code == 204
        while (message := json.loads(await socket.recv())).get("state") != "cut":
            pass
        assert (message["line"], message["reason"]) == (3, "stop")


WRONG_LINES = (
    ({"text": ""}, "empty"),
    ({"text": "a" * 100_000}, "at most"),
    ({"words": "hello"}, "text"),
    ({"text": "hello", "more": 1}, "more"),
)


async def test_a_line_that_makes_no_sense_leaves_no_session(here):
    for body, says in WRONG_LINES:
        answer = await here.http.post("/sessions/none/say", json=body)
        assert answer.status_code == 400 and says in answer.json()["error"]
    assert (await here.http.get("/sessions")).json() == {"sessions": []}


async def test_too_much_text_for_a_session_is_told_to_come_later(here):
    for _ in range(4):
        answer = await here.http.post("/sessions/typed/say", json={"text": "a word, " * 1200})
    assert answer.status_code == 429 and answer.headers["retry-after"]


async def test_without_a_voice_a_line_is_refused():
    studio = make_studio()
    async with client_of(studio, [say_route(studio)]) as http:
        answer = await http.post("/sessions/typed/say", json={"text": "Hello."})
        assert answer.status_code == 503 and "--voice" in answer.json()["error"]
