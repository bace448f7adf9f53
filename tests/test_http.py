"""The HTTP doors: who comes in, what is answered, and what a bad request hears."""

import json

import pytest

from streamer.transports.http import Access
from streamer.transports.pcm import audio_door
from streamer.transports.websocket import websocket_routes
from tests.fakes import client_of, make_studio


@pytest.fixture
def studio():
    return make_studio()


@pytest.fixture
def client(studio):
    with client_of(studio, websocket_routes(studio, audio_door(studio))) as client:
        yield client


def test_pages_that_need_no_media(client):
    assert client.get("/healthz").text == "ok"
    assert client.get("/readyz").status_code == 200
    assert client.get("/config").json()["capacity"] == {"sessions": 2, "free": 2}
    assert client.get("/sessions").json() == {"sessions": []}
    assert "limelight_drops" in client.get("/metrics").text


def test_unknown_pages_and_sessions_are_404_in_words(client):
    assert "docs/protocol.md" in client.get("/nothing").json()["error"]
    answer = client.get("/sessions/nobody/settings")
    assert (answer.status_code, "begins when" in answer.json()["error"]) == (404, True)


def test_models_that_do_not_load_are_an_honest_503(studio):
    with client_of(studio, load_error=OSError("weights are damaged")) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "weights are damaged" in answer.json()["error"]
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer secret"}, 200),
        ({"authorization": "Bearer secret", "origin": "http://evil.example"}, 403),
        ({"authorization": "Bearer secret", "origin": "http://127.0.0.1"}, 200),
        ({"authorization": "Bearer secret", "origin": "https://friend.example"}, 200),
    ],
)
def test_token_and_origin(headers, status):
    access = Access(token="secret", origins=frozenset({"https://friend.example"}))
    with client_of(make_studio(access=access)) as client:
        answer = client.get("/sessions", headers=headers)
        assert answer.status_code == status
        assert client.get("/sessions?token=secret", headers={"origin": ""}).status_code == 200
        assert client.get("/healthz").status_code == 200


def test_a_foreign_host_name_on_loopback_is_refused():
    with client_of(make_studio(access=Access(hosts=frozenset({"127.0.0.1"})))) as client:
        assert client.get("/config", headers={"host": "rebound.example"}).status_code == 403


def test_websockets_are_guarded_too():
    studio = make_studio(access=Access(token="secret"))
    with client_of(studio, websocket_routes(studio, audio_door(studio))) as client, pytest.raises(Exception) as refused:  # noqa: PT011
        client.websocket_connect("/sessions/a/audio").__enter__()
    assert refused.value.status_code == 401


def test_events_of_a_session_that_is_not_there(client):
    with pytest.raises(Exception) as refused:  # noqa: PT011
        client.websocket_connect("/sessions/nobody/events").__enter__()
    assert refused.value.status_code == 404


def start(socket, **options):
    socket.send_text(json.dumps({"type": "start", "format": "f32le", **options}))
    return json.loads(socket.receive_text())


def test_settings_change_for_everybody(client):
    with client.websocket_connect("/sessions/talk/audio") as socket:
        assert start(socket)["type"] == "started"
        with client.websocket_connect("/sessions/talk/events") as events:
            hello = events.receive_json()
            assert (hello["type"], hello["version"], hello["session"]) == ("hello", 1, "talk")
            changed = client.patch("/sessions/talk/settings", json={"enhance": {"strength": 0.25}})
            assert changed.json()["enhance"] == {"on": True, "strength": 0.25}
            assert events.receive_json() == {"type": "settings", "settings": changed.json()}
            events.send_json({"type": "ping", "t": 7})
            events.send_json({"type": "set", "settings": {"enhance": {"strength": 2}}})
            events.send_json({"type": "what"})
            events.send_text("no json")
            said = [event for _ in range(8) if (event := events.receive_json())["type"] != "stats"][:4]
            assert said[0] == {"type": "pong", "t": 7}
            assert "0.0 to 1.0" in said[1]["error"]
            assert "known: set" in said[2]["error"]
        bad = client.patch("/sessions/talk/settings", json={"enhanse": {}})
        assert (bad.status_code, "enhance" in bad.json()["error"]) == (422, True)
        assert client.patch("/sessions/talk/settings", content=b"{", headers={"content-type": "application/json"}).status_code == 400
        assert client.patch("/sessions/talk/settings", content=b"x", headers={"content-type": "text/plain"}).status_code == 415
        huge = client.patch("/sessions/talk/settings", content=b"1" * 300_000, headers={"content-type": "application/json"})
        assert huge.status_code == 413
