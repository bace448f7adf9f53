"""`/anchors/CHARACTER.png`: what somebody of the cast looks like, for who chooses one. Knows no session."""

from __future__ import annotations

import asyncio
import io
import logging
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from streamer.frame import FormatError
from streamer.stages.cast import Cast

__all__ = ["anchor_routes"]

log = logging.getLogger(__name__)

SMALLEST, LARGEST, USUAL = 64, 512, 192


def anchor_routes(cast: Cast) -> list[BaseRoute]:
    """`?emotion=happy&size=192`; behind who is drawn there is nothing."""

    async def anchor(request: Request) -> Response:
        size = request.query_params.get("size", str(USUAL))
        if not (size.isdecimal() and SMALLEST <= int(size) <= LARGEST and int(size) % 2 == 0):
            raise FormatError(f"size is an even number from {SMALLEST} to {LARGEST}, not {size!r}")
        emotion = request.query_params.get("emotion", "neutral")
        character = request.path_params["character"]
        try:
            if (portrait := cast.portraits.get(character)) is None:
                png = await asyncio.to_thread(_drawn, character, emotion, int(size))
            else:
                png = await asyncio.to_thread(_portrayed, portrait, emotion, int(size))
        except ValueError as error:
            raise FormatError(str(error)) from None
        return Response(png, media_type="image/png", headers={"Cache-Control": "private, max-age=600"})

    return [Route("/anchors/{character}.png", anchor)]


@lru_cache(maxsize=64)
def _drawn(character: str, emotion: str, size: int) -> bytes:
    from models.character.look import look_of
    from models.character.renderer import Character
    from models.faces import emotion_pose
    from models.rig import settled

    return _png(Character(look_of(character), width=size, height=size).render(settled(emotion_pose(emotion)), 0.0))


def _portrayed(portrait: Path, emotion: str, size: int) -> bytes:
    """Not kept: the file may be changed. Why it cannot be drawn is for the log; clients know no files."""
    from models.faces import emotion_pose
    from models.portrait.points import load
    from models.portrait.renderer import Portrait
    from models.rig import settled

    pose = settled(emotion_pose(emotion))
    try:
        drawn = Portrait(load(portrait), width=size, height=size)
    except ValueError as error:
        log.warning("a portrait cannot be shown any more: %s", error)
        raise ValueError("this portrait cannot be shown any more; the server's log says why") from None
    return _png(drawn.render(pose, 0.0))


def _png(pixels: NDArray[np.uint8]) -> bytes:
    out = io.BytesIO()
    Image.frombuffer("RGBa", pixels.shape[1::-1], pixels.tobytes()).convert("RGBA").save(out, "PNG")
    return out.getvalue()
