"""Clients that share no code with us publish and listen: FFmpeg's WHIP muxer, GStreamer's webrtcbin."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import av
import httpx
import pytest

from tests.interop.caller import calling
from tests.interop.test_whip_rules import heard
from tests.served import Served

HERE = Path(__file__).parent
SYSTEM_PYTHON = "/usr/bin/python3"
PROBE = (
    "import gi\n"
    "for name in ('Gst', 'GstSdp', 'GstWebRTC'): gi.require_version(name, '1.0')\n"
    "from gi.repository import Gst; Gst.init(None)\n"
    "assert all(map(Gst.ElementFactory.find, ('webrtcbin', 'nicesrc', 'opusenc', 'vp8dec')))\n"
)


def lacking(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def gstreamer() -> None:
    if not Path(SYSTEM_PYTHON).exists() or subprocess.run([SYSTEM_PYTHON, "-c", PROBE], capture_output=True).returncode:
        lacking("GStreamer is missing: python3-gi, gir1.2-gst-plugins-bad-1.0 and its WebRTC plugins")


@pytest.fixture
def whip_muxer() -> None:
    if "whip" not in av.formats_available:
        pytest.skip("this PyAV has no WHIP muxer")


@contextlib.asynccontextmanager
async def program(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process; what it printed is shown when the block fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        out, _ = await process.communicate()
        print(out.decode())


async def published(server: Served, http: httpx.AsyncClient, name: str, hz: float) -> None:
    """A viewer of the session hears that tone and sees its picture move."""
    async with asyncio.timeout(40):
        while not server.sessions().get(name, {}).get("publishers"):
            await asyncio.sleep(0.2)
    await http.patch(f"/sessions/{name}/settings", json={"enhance": {"on": False}})
    async with calling(http, f"/whep/{name}", hz=None, picture=True) as viewer:
        await heard(viewer, hz)
        async with asyncio.timeout(20):
            while len({round(float(picture.mean()), 1) for picture in viewer.pictures}) < 2:
                await asyncio.sleep(0.2)
    assert {picture.shape for picture in viewer.pictures} == {(180, 320)}


async def test_ffmpeg_publishes(server: Served, http: httpx.AsyncClient, tmp_path: Path, whip_muxer: None) -> None:
    script = str(HERE / "ffmpeg_whip.py")
    async with program(sys.executable, "-W", "ignore", script, f"{server.base}/whip/ffmpeg", "60", str(tmp_path)):
        await published(server, http, "ffmpeg", 440)


async def test_gstreamer_publishes(server: Served, http: httpx.AsyncClient, gstreamer: None) -> None:
    async with program(SYSTEM_PYTHON, str(HERE / "gst_whip.py"), "publish", f"{server.base}/whip/gst", "60"):
        await published(server, http, "gst", 550)


async def test_gstreamer_listens_and_watches(server: Served, http: httpx.AsyncClient, gstreamer: None) -> None:
    async with calling(http, "/whip/forgst", hz=500, picture=True):
        await http.patch("/sessions/forgst/settings", json={"enhance": {"on": False}})
        async with program(
            SYSTEM_PYTHON, str(HERE / "gst_whip.py"), "play", f"{server.base}/whep/forgst", "6"
        ) as player:
            assert player.stdout is not None
            said = dict([line.decode().rsplit(maxsplit=1) async for line in player.stdout if line.strip()])
    assert float(said["sound"]) > -30
    assert int(said["picture"]) >= 15
