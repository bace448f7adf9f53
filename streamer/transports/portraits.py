"""`/anchors/CHARACTER.png`: what a character looks like, for who chooses one. Knows no session."""

from __future__ import annotations

import asyncio
import io
from functools import lru_cache

from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from streamer.frame import FormatError

__all__ = ["portrait_routes"]

SMALLEST, LARGEST, USUAL = 64, 512, 192


def portrait_routes() -> list[BaseRoute]:
    """`?emotion=happy&size=192`, with nothing behind the person."""

    async def portrait(request: Request) -> Response:
        size = request.query_params.get("size", str(USUAL))
        if not (size.isdecimal() and SMALLEST <= int(size) <= LARGEST and int(size) % 2 == 0):
            raise FormatError(f"size is an even number from {SMALLEST} to {LARGEST}, not {size!r}")
        emotion = request.query_params.get("emotion", "neutral")
        try:
            png = await asyncio.to_thread(_drawn, request.path_params["character"], emotion, int(size))
        except ValueError as error:
            raise FormatError(str(error)) from None
        return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=86400"})

    return [Route("/anchors/{character}.png", portrait)]


@lru_cache(maxsize=64)
def _drawn(character: str, emotion: str, size: int) -> bytes:
    from models.character.look import look_of
    from models.character.renderer import Character
    from models.faces import emotion_pose
    from models.rig import settled

    pixels = Character(look_of(character), width=size, height=size).render(settled(emotion_pose(emotion)), 0.0)
    out = io.BytesIO()
    Image.frombuffer("RGBa", (size, size), pixels.tobytes()).convert("RGBA").save(out, "PNG")
    return out.getvalue()
