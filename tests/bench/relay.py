"""Mouth to ear and CPU a session, ours with cleaning on beside a bare aiortc relay, in turn in one run.

Both servers are processes of their own; the client is the same aiortc peer, with its own fixed 80 ms jitter buffer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from tests.bench.peer import Peer, Talk, delays_ms, talker

ROOT = Path(__file__).parents[2]


def relay_app():  # type: ignore[no-untyped-def]
    """The least that aiortc can do: what comes in goes out."""
    from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
    from aiortc.contrib.media import MediaRelay
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    relay, peers = MediaRelay(), []

    async def offer(request: Request) -> JSONResponse:
        body = await request.json()
        pc = RTCPeerConnection(RTCConfiguration([]))
        peers.append(pc)
        pc.on("track", lambda track: pc.addTrack(relay.subscribe(track, buffered=False)))
        await pc.setRemoteDescription(RTCSessionDescription(body["sdp"], "offer"))
        await pc.setLocalDescription(await pc.createAnswer())
        return JSONResponse({"sdp": pc.localDescription.sdp, "type": "answer"})

    async def ready(_request: Request) -> JSONResponse:
        return JSONResponse("ready")

    return Starlette(routes=[Route("/sessions/{name}/offer", offer, methods=["POST"]), Route("/readyz", ready)])


def _server(kind: str, port: int, cache: str, compiled: bool) -> subprocess.Popen[bytes]:
    if kind == "relay":
        code = (
            "import uvicorn; from tests.bench.relay import relay_app; "
            f"uvicorn.run(relay_app(), port={port}, log_level='error')"
        )
        command = [sys.executable, "-W", "ignore", "-c", code]
    else:
        # A bare relay neither hears words nor speaks.
        more = ["--stt", "off", "--voice", "off", *(["--cache", cache] if compiled else ["--no-compile"])]
        command = [
            sys.executable,
            "-c",
            f"import server; server.main({['--port', str(port), '--log-level', 'error', *more]!r})",
        ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def _all_compiled(metrics: str) -> bool:
    lines = [line for line in metrics.splitlines() if line.startswith("limelight_compiled{")]
    return bool(lines) and all(line.endswith(" 1.0") for line in lines)


async def _ready(port: int, compiled: bool) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        for _ in range(600):
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200 and (
                    not compiled or _all_compiled((await client.get(f"http://127.0.0.1:{port}/metrics")).text)
                ):
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.5)
    raise TimeoutError("the server was not ready within five minutes")


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _model_seconds(port: int) -> float:
    """Time in ticks since the start, over all engines; 0 for what has none."""
    async with httpx.AsyncClient(timeout=5) as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("limelight_tick_seconds_sum"))


async def _measure(
    port: int, pid: int, seconds: float, picture: bool, sound: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """Delays, and the shares of a core that the whole process and its models took."""
    models, before, begin = await _model_seconds(port), _cpu_seconds(pid), time.monotonic()
    peer = Peer(f"http://127.0.0.1:{port}/sessions/bench/offer", Talk(sound), picture)
    await peer.run(seconds)
    took, all_models = time.monotonic() - begin, await _model_seconds(port) - models
    return delays_ms(peer.talk, peer.heard), (_cpu_seconds(pid) - before) / took, all_models / took


async def compare(
    *, seconds: float, rounds: int, picture: bool, cache: str, compiled: bool
) -> dict[str, dict[str, float]]:
    """Both servers in turn, `rounds` times."""
    sound = talker(seconds + 5)
    ports = {"relay": 8191, "limelight": 8192}
    servers = {kind: _server(kind, port, cache, compiled) for kind, port in ports.items()}
    found: dict[str, list[tuple[np.ndarray, float, float]]] = {kind: [] for kind in ports}
    try:
        for kind, port in ports.items():
            await _ready(port, compiled and kind == "limelight")
        for _ in range(rounds):
            for kind, port in ports.items():
                found[kind].append(await _measure(port, servers[kind].pid, seconds, picture, sound))
    finally:
        for process in servers.values():
            process.terminate()
            process.wait(10)
    return {
        kind: {
            "p50_ms": float(np.median(np.concatenate([delays for delays, _, _ in each]))),
            "p95_ms": float(np.quantile(np.concatenate([delays for delays, _, _ in each]), 0.95)),
            "cpu_share": float(np.median([cpu for _, cpu, _ in each])),
            "model_share": float(np.median([models for _, _, models in each])),
        }
        for kind, each in found.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="limelight bench relay", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of talk in each turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--picture", action="store_true", help="with a 640×360 picture as well")
    parser.add_argument("--eager", action="store_true", help="do not wait for compiled models")
    parser.add_argument("--cache", default=str(Path.home() / ".cache" / "limelight"))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    found = asyncio.run(
        compare(
            seconds=given.seconds,
            rounds=given.rounds,
            picture=given.picture,
            cache=given.cache,
            compiled=not given.eager,
        )
    )
    if given.json:
        print(json.dumps(found))
        return 0
    columns = ("server", "mouth to ear p50 ms", "p95 ms", "share of a core", "of it in models")
    table = Table(*columns, title="WebRTC on loopback, one session")
    for kind, row in found.items():
        shares = f"{row['cpu_share']:.3f}", f"{row['model_share']:.3f}"
        table.add_row(kind, f"{row['p50_ms']:.0f}", f"{row['p95_ms']:.0f}", *shares)
    Console().print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
