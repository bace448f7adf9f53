"""The HTTP doors: who comes in, what is answered, and what a bad request hears."""

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from streamer.transports.http import Access
from streamer.transports.pcm import audio_door
from streamer.transports.subtitles import subtitle_routes
from streamer.transports.websocket import websocket_routes
from tests.fakes import client_of, make_studio


@pytest.fixture
async def client():
    studio = make_studio()
    async with client_of(studio, websocket_routes(studio, audio_door(studio))) as client:
        yield client


def socket_to(client, path):
    return connect(f"ws://{client.base_url.host}:{client.base_url.port}{path}", proxy=None, max_queue=None)


async def test_pages_that_need_no_media(client):
    assert (await client.get("/healthz")).text == "ok"
    assert (await client.get("/readyz")).status_code == 200
    assert (await client.get("/config")).json()["capacity"] == {"sessions": 2, "free": 2}
    assert (await client.get("/sessions")).json() == {"sessions": []}
    assert "limelight_step_failures" in (await client.get("/metrics")).text


async def test_unknown_pages_and_sessions_are_404_in_words(client):
    assert "docs/protocol.md" in (await client.get("/nothing")).json()["error"]
    answer = await client.get("/sessions/nobody/settings")
    assert (answer.status_code, "begins when" in answer.json()["error"]) == (404, True)


async def test_models_that_do_not_load_are_an_honest_503():
    async with client_of(make_studio(), load_error=OSError("weights are damaged")) as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert "weights are damaged" in answer.json()["error"]
        assert "weights are damaged" in (await client.post("/whip/a")).json()["error"]
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer secret"}, 200),
        ({"authorization": "Bearer secret", "origin": "http://evil.example"}, 403),
        ({"authorization": "Bearer secret", "origin": "https://friend.example"}, 200),
    ],
)
async def test_token_and_origin(headers, status):
    access = Access(token="secret", origins=frozenset({"https://friend.example"}))
    async with client_of(make_studio(access=access)) as client:
        assert (await client.get("/sessions", headers=headers)).status_code == status
        assert (await client.get("/sessions?token=secret")).status_code == 200
        assert (await client.get("/healthz")).status_code == 200


async def test_pages_are_open_and_what_they_show_is_not():
    studio = make_studio(access=Access(token="secret"))
    async with client_of(studio, [*websocket_routes(studio, audio_door(studio)), *subtitle_routes(studio)]) as client:
        await studio.sessions.open("a", channels=1)
        for page in ("/", "/overlay/captions/a", "/editor/a"):
            assert "<!doctype html>" in (await client.get(page)).text
        assert (await client.get("/sessions/a/captions.vtt")).status_code == 401
        assert (await client.get("/sessions/a/captions.vtt?token=secret")).status_code == 200
        with pytest.raises(InvalidStatus):
            await socket_to(client, "/sessions/a/events")
        async with socket_to(client, "/sessions/a/events?token=secret") as events:
            assert json.loads(await events.recv())["type"] == "hello"


async def test_a_foreign_host_name_on_loopback_is_refused():
    async with client_of(make_studio(access=Access(hosts=frozenset({"127.0.0.1"})))) as client:
        assert (await client.get("/config", headers={"host": "rebound.example"})).status_code == 403
        assert (await client.get("/config")).status_code == 200


async def test_websockets_are_guarded_too():
    studio = make_studio(access=Access(token="secret"))
    async with client_of(studio, websocket_routes(studio, audio_door(studio))) as client:
        with pytest.raises(InvalidStatus) as refused:
            await socket_to(client, "/sessions/a/audio")
        assert refused.value.response.status_code == 401


async def test_events_of_a_session_that_is_not_there(client):
    with pytest.raises(InvalidStatus) as refused:
        await socket_to(client, "/sessions/nobody/events")
    assert refused.value.response.status_code == 404


async def answers(socket, count):
    """The next `count` messages that are not statistics."""
    said = []
    while len(said) < count:
        message = json.loads(await socket.recv())
        if message["type"] != "stats":
            said.append(message)
    return said


async def test_settings_change_for_everybody(client):
    async with socket_to(client, "/sessions/talk/audio") as socket:
        await socket.send('{"type": "start", "format": "f32le"}')
        assert json.loads(await socket.recv())["type"] == "started"
        async with socket_to(client, "/sessions/talk/events") as events:
            (hello,) = await answers(events, 1)
            assert (hello["type"], hello["version"], hello["session"]) == ("hello", 1, "talk")
            changed = await client.patch("/sessions/talk/settings", json={"enhance": {"strength": 0.25}})
            assert changed.json()["enhance"] == {"on": True, "strength": 0.25}
            assert await answers(events, 1) == [{"type": "settings", "settings": changed.json()}]
            for message in ('{"type": "ping", "t": 7}', '{"type": "set", "settings": {"enhance": {"strength": 2}}}'):
                await events.send(message)
            for message in ('{"type": "what"}', "no json", b"binary"):
                await events.send(message)
            pong, range_error, unknown, *malformed = await answers(events, 5)
            assert pong == {"type": "pong", "t": 7}
            assert "0.0 to 1.0" in range_error["error"]
            assert "known: set" in unknown["error"]
            assert all("JSON text" in message["error"] for message in malformed)
        settings = "/sessions/talk/settings"
        bad = await client.patch(settings, json={"enhanse": {}})
        assert (bad.status_code, "enhance" in bad.json()["error"]) == (422, True)
        for content, kind, status in (
            (b"{", "application/json", 400),
            (b"x", "text/plain", 415),
            (b"1" * 300_000, "application/json", 413),
        ):
            answer = await client.patch(settings, content=content, headers={"content-type": kind})
            assert answer.status_code == status


async def test_stats_tell_of_levels_and_stages(client):
    async with socket_to(client, "/sessions/talk/audio") as socket, socket_to(client, "/sessions/talk/audio") as second:
        await socket.send('{"type": "start", "format": "f32le"}')
        await socket.recv()
        async with socket_to(client, "/sessions/talk/events") as events:
            await socket.send(b"\0\0\0\x3f" * 48_000)  # 0.5
            await second.send('{"type": "start", "format": "f32le"}')
            assert "already publishes" in json.loads(await second.recv())["error"]
            while (message := json.loads(await events.recv())).get("levels", {}).get("out_db") is None:
                pass
            assert message["levels"]["in_db"] == pytest.approx(-6.0, abs=0.1)
            assert message["levels"]["out_db"] == pytest.approx(-12.0, abs=0.1)
            assert [stage["name"] for stage in message["stages"]] == ["rechunk", "enhance"]
            assert message["stages"][1]["delay_ms"] == 10.0
            assert message["publishers"] == 1
