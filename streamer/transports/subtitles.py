"""What was said in a session so far, as files by HTTP: `/sessions/NAME/captions.vtt`, `.srt`, `.txt`, `.json`.

A plain GET answers with what there is and ends; with `?follow=1` the answer stays open and grows with what is said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from streamer.channel import Channel
from streamer.frame import Event
from streamer.session import Session
from streamer.text.cues import Cue, CueMaker
from streamer.text.subtitles import FORMATS, SubtitleFormat, written
from streamer.text.transcript import Segment, Transcript, spoken
from streamer.transports.http import Refused, Studio

__all__ = ["subtitle_routes"]

FRESH = {"Cache-Control": "no-store"}
CAPTIONS_HELD = 1000  # for one that follows; one that reads slower than people speak loses the oldest


def subtitle_routes(studio: Studio) -> list[BaseRoute]:
    """The transcript of a session in each form."""

    async def captions(request: Request) -> Response:
        session = studio.sessions.find(request.path_params["name"])
        name = request.path_params["form"]
        if name == "json":
            return JSONResponse(_as_json(session.transcript), headers=FRESH)
        if name not in FORMATS:
            raise Refused(404, f"captions come as {', '.join(f'.{known}' for known in FORMATS)} or .json, not .{name}")
        form = FORMATS[name]
        if request.query_params.get("follow") == "1":
            return StreamingResponse(_growing(session, form), media_type=form.media_type, headers=FRESH)
        whole = written(form, _cues(CueMaker(), session.transcript.segments, whole=True))
        return Response(whole, media_type=form.media_type, headers=FRESH)

    return [Route("/sessions/{name}/captions.{form}", captions)]


def _as_json(transcript: Transcript) -> dict[str, object]:
    segments = [segment.as_json() for segment in transcript.segments]
    return {"segments": segments, "forgotten_words": transcript.forgotten_words}


def _cues(maker: CueMaker, segments: Sequence[Segment], *, whole: bool) -> list[Cue]:
    cues = [cue for segment in segments for cue in maker.push(segment.words, ends=segment.final)]
    return cues + maker.finish() if whole else cues


async def _growing(session: Session, form: SubtitleFormat) -> AsyncIterator[str]:
    """The file so far, then each cue when it is complete, until the session ends."""
    stream: Channel[Event] = session.events.subscribe(CAPTIONS_HELD)
    maker = CueMaker()
    try:
        cues = _cues(maker, session.transcript.segments, whole=False)
        yield form.head + "".join(form.entry(number, cue) for number, cue in enumerate(cues, 1))
        number = len(cues)
        async for cue in _cues_to_come(maker, stream):
            number += 1
            yield form.entry(number, cue)
    finally:
        stream.close()


async def _cues_to_come(maker: CueMaker, stream: Channel[Event]) -> AsyncIterator[Cue]:
    async for event in stream:
        if event.kind == "caption":
            for cue in maker.push(spoken(event.body), ends=event.body["final"]):
                yield cue
    for cue in maker.finish():
        yield cue
