"""What somebody of the cast looks like, as a picture over HTTP."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

from streamer.stages.cast import cast_of
from streamer.transports.anchors import anchor_routes
from tests.fakes import client_of, make_studio
from tests.likenesses import likeness


async def test_the_drawn_and_the_portrayed_have_pictures_and_nobody_else(tmp_path):
    studio = make_studio(cast=cast_of([likeness(tmp_path)]))
    async with client_of(studio, anchor_routes(studio.cast)) as client:
        assert (await client.get("/config")).json()["anchor"] == {"portraits": ["me"], "face": False}

        async def picture(name):
            answer = await client.get(f"/anchors/{name}.png?size=96")
            return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA")).astype(int)

        ada, me = await picture("ada"), await picture("me")
        assert ada.shape == me.shape == (96, 96, 4)
        assert ada[0, 0, 3] == 0 and me[0, 0, 3] == 255
        Image.new("RGB", (256, 256), (0, 90, 0)).save(tmp_path / "me.png")
        assert np.abs(await picture("me") - me).mean() > 20, "a portrait that was changed is drawn anew"
        for path in ("you.png", "me.json.png", "me.png?size=7", "..%2Fme.png"):
            assert (await client.get(f"/anchors/{path}")).status_code in (400, 404)
        (tmp_path / "me.json").unlink()
        gone = await client.get("/anchors/me.png")
        assert gone.status_code == 400 and "log" in gone.json()["error"] and str(tmp_path) not in gone.text
