"""The live anchor: from a text to the first picture that speaks it, and how many pictures one and two of them make.

Real sessions on real models, with the voice that ships and one VP8 encode each, as a server has them; no network. The
first picture is the first at the encoder's output whose moment is that of the first word's sound or later. What the
anchors' processes take of a core is told over the time of the rows below.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np

from streamer.frame import PICTURE_HZ
from streamer.metrics import Metrics
from streamer.session import Session
from streamer.stages.engines import Engines
from streamer.stages.saying import Saying
from streamer.stages.tracking import Tracking
from streamer.stages.voices import find_voice
from streamer.ticks.device import Device
from streamer.transports.output import outputs_of
from tests.bench._table import show

TEXT = "Good evening, and welcome to the show."
WARM_PICTURES, LIMIT_S = 10, 60.0


@asynccontextmanager
async def on_air(make: Callable[[str], Session], name: str, *, size: int) -> AsyncIterator[Session]:
    """A session with its anchor on."""
    session = make(name)
    running = asyncio.create_task(session.run())
    try:
        await session.ready.wait()
        session.configure({"anchor": {"on": True, "source": "text", "size": size}})
        yield session
    finally:
        await session.close("measured")
        await asyncio.gather(running, return_exceptions=True)


async def first_picture_ms(session: Session) -> tuple[float, float]:
    """Text to the picture of its first sound; and to the time that this sound was given a place."""
    channels = outputs_of(session).join()
    said = session.talk.said.subscribe(256)
    try:
        async with asyncio.timeout(LIMIT_S):
            for _ in range(WARM_PICTURES):
                await channels[1].get()
            channels[1].drain()
            begun = time.monotonic()
            session.say(TEXT)
            start_s = None
            while start_s is None:
                start_s = next((word.start_s for word in (await said.get()).words), None)
            placed = time.monotonic()
            while (await channels[1].get()).pts / PICTURE_HZ < start_s:
                pass
            return (time.monotonic() - begun) * 1000, (placed - begun) * 1000
    finally:
        said.close()
        outputs_of(session).leave(channels)


async def rates(make: Callable[[str], Session], *, count: int, seconds: float, size: int) -> dict[str, str | float]:
    """Pictures a second of the slowest of `count` anchors that talk."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        sessions = [await stack.enter_async_context(on_air(make, f"n{n}", size=size)) for n in range(count)]
        channels = [outputs_of(session).join() for session in sessions]
        for session, (_, pictures) in zip(sessions, channels, strict=True):
            async with asyncio.timeout(LIMIT_S):
                await pictures.get()
            session.say(" ".join([TEXT] * 20))
        made = [session.anchor.made for session in sessions]
        out = [session.anchor.left_out for session in sessions]
        await asyncio.sleep(seconds)
        made = [session.anchor.made - one for session, one in zip(sessions, made, strict=True)]
        out = [session.anchor.left_out - one for session, one in zip(sessions, out, strict=True)]
    after, passed = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    row = {"anchors": str(count), "pictures_a_s": min(made) / seconds, "left_out_a_s": max(out) / seconds}
    return {**row, "cores_of_processes": spent / passed}


async def measure(told: argparse.Namespace) -> None:
    device = Device()
    engines, voice = Engines(slots=2, device=device), find_voice("limelight", slots=2, device=device)
    assert voice is not None

    def make(name: str) -> Session:
        return Session(
            name,
            channels=1,
            make_path=engines.paths,
            make_saying=lambda session: Saying(voice, controls=lambda: session.settings.voice.controls),
            make_senses=lambda session: (engines.lips(session), Tracking()),
            metrics=Metrics(),
        )

    found = []
    for n in range(told.times):
        async with on_air(make, f"first{n}", size=told.size) as session:
            found.append(await first_picture_ms(session))
    pictures, placed = np.array(found).T
    row = {"first picture p50 ms": float(np.median(pictures)), "worst ms": float(pictures.max())}
    first = [{**row, "its sound placed p50 ms": float(np.median(placed))}]
    show(first, title=f"text to the first picture at the encoder, {told.times} times", as_json=told.json)
    rows = [await rates(make, count=count, seconds=told.seconds, size=told.size) for count in (1, 2)]
    show(rows, title=f"pictures of {told.size}² at 30 a second", as_json=told.json)
    engines.close()
    voice.close()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="limelight bench live_anchor", description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--json", action="store_true")
    asyncio.run(measure(parser.parse_args(argv)))
    return 0
