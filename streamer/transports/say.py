"""What is typed for a session's own voice: `POST /sessions/NAME/say`; event streams take the same as a message."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from streamer.frame import FormatError
from streamer.stages.talk import LONGEST_TEXT
from streamer.transports.http import Studio, json_body
from streamer.transports.webrtc import opened

__all__ = ["say_route"]


class Line(BaseModel):
    """Some text; `more` of the line may follow."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: Annotated[str, Field(max_length=LONGEST_TEXT)]
    more: bool = False


def say_route(studio: Studio) -> BaseRoute:
    """`/sessions/NAME/say`: a session begins with the first line too."""

    async def say(request: Request) -> Response:
        name = request.path_params["name"]
        if request.method == "DELETE":
            studio.sessions.find(name).talk.stop()
            return Response(status_code=204)
        line = _line(await json_body(request))
        await studio.ready()
        async with opened(studio, name, channels=1) as session:
            return JSONResponse({"line": session.say(line.text, more=line.more)}, 202)

    return Route("/sessions/{name}/say", say, methods=["POST", "DELETE"])


def _line(body: object) -> Line:
    try:
        return Line.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise FormatError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
