"""Sound over a websocket: as many samples out as in, lined up, at any rate; and what bad clients hear."""

import json

import numpy as np
import pytest
from starlette.websockets import WebSocketDisconnect

from streamer.transports.pcm import audio_door
from streamer.transports.websocket import websocket_routes
from tests.fakes import client_of, make_studio


@pytest.fixture
def client():
    studio = make_studio(capacity=2, gain=0.5, delay=480)
    with client_of(studio, websocket_routes(studio, audio_door(studio))) as client:
        yield client


def tone(rate, seconds, channels=1):
    t = np.arange(int(rate * seconds)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * (300 + 200 * channel) * t) for channel in range(channels)]).astype(np.float32)


def talk(client, sound, *, form, rate, sizes, name="talk"):
    """Send `sound` in messages of `sizes` samples; what came back, and the closing word."""
    dtype = "<i2" if form == "s16le" else "<f4"
    scaled = np.rint(sound * 32767) if form == "s16le" else sound
    data = scaled.T.astype(dtype)
    back = bytearray()
    with client.websocket_connect(f"/sessions/{name}/audio", subprotocols=["limelight.v1"]) as socket:
        assert socket.accepted_subprotocol == "limelight.v1"
        socket.send_json({"type": "start", "format": form, "rate": rate, "channels": len(sound)})
        started = socket.receive_json()
        assert (started["type"], started["rate"], started["delay_ms"]) == ("started", rate, 10.0)
        at = 0
        while at < len(data):
            for size in sizes:
                socket.send_bytes(data[at : at + size].tobytes())
                at += size
        socket.send_json({"type": "end"})
        while "bytes" in (message := socket.receive()) and message["bytes"] is not None:
            back += message["bytes"]
        ended = json.loads(message["text"])
    samples = np.frombuffer(bytes(back), dtype).reshape(-1, len(sound)).T.astype(np.float32)
    return (samples / 32767 if form == "s16le" else samples), ended


@pytest.mark.parametrize("form", ["f32le", "s16le"])
@pytest.mark.parametrize(("rate", "channels", "sizes"), [(48_000, 1, [480]), (48_000, 2, [1, 777, 5000]), (16_000, 1, [160]), (44_100, 2, [441, 1000])])
def test_what_comes_back_lines_up_with_what_went_in(client, form, rate, channels, sizes):
    sound = tone(rate, 0.7, channels)
    out, ended = talk(client, sound, form=form, rate=rate, sizes=sizes)
    assert ended == {"type": "ended", "samples_in": sound.shape[1], "samples_out": sound.shape[1]}
    middle = slice(rate // 50, -rate // 50)
    tolerance = 2e-3 if rate != 48_000 else 1e-4
    assert np.abs(out[:, middle] - 0.5 * sound[:, middle]).max() < tolerance


def test_empty_sound_is_well_formed(client):
    out, ended = talk(client, np.empty((1, 0), np.float32), form="f32le", rate=48_000, sizes=[])
    assert (out.shape, ended["samples_out"]) == ((1, 0), 0)


@pytest.mark.parametrize(
    ("first", "then", "code", "text"),
    [
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
    ],
)
def test_bad_clients_are_told_what_is_wrong(client, first, then, code, text):
    def send(socket, message):
        socket.send_bytes(message) if isinstance(message, bytes) else socket.send_text(message)

    with client.websocket_connect("/sessions/bad/audio") as socket:
        send(socket, first)
        if then is not None:
            assert socket.receive_json()["type"] == "started"
            send(socket, then)
        answer = socket.receive_json()
        assert answer["type"] == "error"
        assert text in answer["error"]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_json()
        assert closed.value.code == code
    # the session is free again for the next publisher
    assert talk(client, tone(48_000, 0.1), form="f32le", rate=48_000, sizes=[480], name="bad")[1]["samples_out"] == 4800


def test_a_second_publisher_and_a_full_server_are_refused(client):
    def opened(name):
        socket = client.websocket_connect(f"/sessions/{name}/audio").__enter__()
        socket.send_json({"type": "start", "format": "s16le"})
        return socket, socket.receive_json()

    first, _ = opened("a")
    second, answer = opened("a")
    assert "already publishes" in answer["error"]
    opened("b")
    third, answer = opened("c")
    assert "in use" in answer["error"]
    for socket in (first, second, third):
        socket.close()
