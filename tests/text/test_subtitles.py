"""A session's captions over HTTP: the files so far, the file that grows, and what asks for something else hears."""

import asyncio
import json

import av
import pytest

from streamer.frame import Event
from streamer.transports.subtitles import subtitle_routes
from tests.fakes import client_of, make_studio
from tests.text.test_transcript import caption


@pytest.fixture
async def talk():
    """A studio whose session `talk` has said two things, and its client."""
    studio = make_studio()
    async with client_of(studio, subtitle_routes(studio)) as client:
        session = await studio.sessions.open("talk", channels=1)
        say(session, 0, "Tom", "&", "Jerry.", final=True)
        say(session, 1, "Still", start_s=10.0)
        yield session, client


def say(session, segment, *texts, final=False, start_s=0.0):
    session.caption(Event("caption", caption(segment, *texts, final=final, start_s=start_s)))


@pytest.mark.parametrize(
    ("form", "kind", "text"),
    [
        (
            "vtt",
            "text/vtt",
            "WEBVTT\n\n00:00:00.000 --> 00:00:02.500\nTom &amp; Jerry.\n\n00:00:10.000 --> 00:00:11.000\nStill\n\n",
        ),
        (
            "srt",
            "application/x-subrip",
            "1\n00:00:00,000 --> 00:00:02,500\nTom & Jerry.\n\n2\n00:00:10,000 --> 00:00:11,000\nStill\n\n",
        ),
        ("txt", "text/plain", "Tom & Jerry.\nStill\n"),
    ],
)
async def test_what_was_said_so_far(talk, form, kind, text):
    _, client = talk
    answer = await client.get(f"/sessions/talk/captions.{form}")
    assert (answer.status_code, answer.text, answer.headers["cache-control"]) == (200, text, "no-store")
    assert answer.headers["content-type"].startswith(kind)


async def test_the_same_with_every_word_as_json(talk):
    _, client = talk
    told = (await client.get("/sessions/talk/captions.json")).json()
    first, second = told["segments"]
    assert (first["text"], first["final"], second["final"], told["forgotten_words"]) == ("Tom & Jerry.", True, False, 0)
    assert second["words"] == [{"text": "Still", "start_s": 10.0, "end_s": 10.5, "confidence": 0.9}]


async def test_it_opens_in_ffmpeg_by_its_address(talk):
    _, client = talk

    def read():
        with av.open(f"{client.base_url}/sessions/talk/captions.vtt") as file:
            return [packet.pts for packet in file.demux(subtitles=0) if packet.size]

    assert await asyncio.to_thread(read) == [0, 10_000]


async def test_a_file_that_is_followed_grows_until_the_session_ends(talk):
    session, client = talk
    async with client.stream("GET", "/sessions/talk/captions.vtt?follow=1") as answer:
        parts = answer.aiter_text()
        assert (await anext(parts)).count("-->") == 1, "a cue that may still grow is not there yet"
        say(session, 1, "talking.", start_s=11.0, final=True)
        assert "Still talking." in await anext(parts)
        say(session, 2, "And", start_s=20.0)
        await session.close("over")
        assert "And" in "".join([part async for part in parts])


async def test_what_is_not_there_is_said(talk):
    _, client = talk
    assert ".vtt" in (await client.get("/sessions/talk/captions.doc")).json()["error"]
    assert (await client.get("/sessions/nobody/captions.vtt")).status_code == 404


async def test_an_event_of_a_caption_reaches_whoever_is_attached(talk):
    session, _ = talk
    stream = session.events.subscribe(10)
    say(session, 2, "More")
    event = await stream.get()
    assert json.loads(json.dumps(event.body))["committed"] == "More"
