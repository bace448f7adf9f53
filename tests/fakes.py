"""Hand-written stand-ins for what needs weights or a thread: a lease with a known model, sessions on it, a server."""

import asyncio
import contextlib

import httpx
import numpy as np

from streamer.frame import HOP
from streamer.metrics import Metrics
from streamer.pipeline import SoundPath
from streamer.session import Session
from streamer.sessions import Sessions
from streamer.stages.blend import Blend
from streamer.stages.cast import DRAWN_ONLY
from streamer.stages.lipsync import LipSync
from streamer.stages.saying import Saying
from streamer.stages.speech import Speech
from streamer.stages.talk import no_voice
from streamer.stages.tracking import Tracking
from streamer.transports.http import Access, Studio
from streamer.transports.serve import bind, server_of


class Gain:
    """A lease whose model multiplies and lags; fails when told to."""

    def __init__(self, gain=1.0, delay=0, channels=1):
        self.gain, self.fail, self.resets, self.steps, self.closed = gain, False, 0, 0, False
        self._tail = np.zeros((channels, delay), np.float32)

    async def step(self, chunk):
        self.steps += 1
        if self.fail:
            raise ArithmeticError("broken")
        joined = np.concatenate((self._tail, chunk), axis=1)
        self._tail = joined[:, HOP:]
        return joined[:, :HOP] * np.float32(self.gain)

    def reset(self):
        self.resets += 1

    def close(self):
        self.closed = True


class Loud:
    """A VAD's lease: speech is what is louder than -40 dBFS."""

    async def step(self, chunk):
        return np.full((1, 1), float(np.abs(chunk).max() > 0.01), np.float32)

    def reset(self):
        pass

    def close(self):
        pass


def make_session(
    name="test",
    channels=1,
    *,
    gain=0.5,
    delay=480,
    metrics=None,
    recogniser=None,
    voice=None,
    lips=lambda: LipSync(None),
    tracker=None,
    cast=DRAWN_ONLY,
):
    """A session whose `enhance` stage multiplies by `gain` and lags by `delay`."""

    def make_saying(session):
        return Saying(voice, controls=lambda: session.settings.voice.controls) if voice else no_voice(session)

    def make_path(session):
        def wanted():
            return session.settings.enhance.on * session.settings.enhance.strength

        stage = Blend("enhance", Gain(gain, delay, channels), channels=channels, delay=delay, wanted=wanted)
        return SoundPath([stage], observe=session.report.observe), Speech(Loud())

    return Session(
        name,
        channels=channels,
        make_path=make_path,
        make_recogniser=lambda _session: recogniser,
        make_saying=make_saying,
        make_senses=lambda _session: (lips(), Tracking(tracker)),
        cast=cast,
        metrics=metrics or Metrics(),
    )


def make_studio(*, capacity=2, access=None, cast=DRAWN_ONLY, **options):
    sessions = Sessions(
        lambda name, channels: make_session(name, channels, cast=cast, **options),
        capacity=capacity,
        idle_s=30.0,
        longest_s=3600.0,
    )
    return Studio(sessions=sessions, metrics=Metrics(), access=access or Access(), cast=cast)


@contextlib.asynccontextmanager
async def client_of(studio, routes=(), load_error=None, *, limit_s=10):
    """An HTTP client of a real server on loopback, started as the command starts it."""

    def load(_studio):
        if load_error:
            raise load_error
        return routes

    listener = bind("127.0.0.1", 0)
    server = server_of(studio, load=load)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with asyncio.timeout(limit_s), httpx.AsyncClient(base_url=url, timeout=10) as client:
            while not server.started:
                await asyncio.sleep(0.01)
            await studio.loaded.wait()
            yield client
    finally:
        await studio.sessions.drain(2.0)
        server.should_exit = True
        await running
