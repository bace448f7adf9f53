"""The uvicorn shell: a bound socket, a lifespan that owns the sessions, and signals that drain before they stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from streamer.transports.http import Studio, create_app

__all__ = ["PortTaken", "bind", "serve", "server_of"]

LONGEST_MESSAGE = 1 << 20

T = TypeVar("T")
Load = Callable[[Studio], Sequence[BaseRoute]]
Improve = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


class PortTaken(OSError):
    """The address cannot be listened on; the text says what to do."""


async def _nothing() -> None:
    """No background work."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ours drain the sessions first, so uvicorn's stay out."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket.

    Raises:
        PortTaken: it is in use, not ours to take, or the host is unknown.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()  # who reads the address that is printed may connect at once, and waits
    except OSError as error:
        raise PortTaken(
            f"cannot listen on {host}:{port}: {error.strerror or error}; choose another with --port"
        ) from None
    return listener


async def serve(
    studio: Studio,
    listener: socket.socket,
    *,
    load: Load,
    improve: Improve,
    close: Callable[[], None],
    tls: tuple[Path, Path] | None,
    drain_s: float,
) -> None:
    """Answer until SIGTERM or SIGINT, then drain for at most `drain_s`."""
    server = server_of(studio, load=load, improve=improve, close=close, tls=tls, drain_s=drain_s)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with asyncio.TaskGroup() as tasks:
        stopper = tasks.create_task(_stop(stop, studio, server, drain_s))
        await server.serve(sockets=[listener])
        stopper.cancel()


def server_of(
    studio: Studio,
    *,
    load: Load,
    improve: Improve = _nothing,
    close: Callable[[], None] = lambda: None,
    tls: tuple[Path, Path] | None = None,
    drain_s: float = 5.0,
) -> uvicorn.Server:
    """A uvicorn server of the app, not yet started; it leaves signals alone."""
    return _Server(
        uvicorn.Config(
            create_app(studio, lifespan=_lifespan(studio, load, improve, close)),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="websockets-sansio",
            ws_max_size=LONGEST_MESSAGE,
            timeout_graceful_shutdown=int(drain_s),
            ssl_certfile=tls and tls[0],
            ssl_keyfile=tls and tls[1],
        )
    )


async def _stop(stop: asyncio.Event, studio: Studio, server: uvicorn.Server, drain_s: float) -> None:
    await stop.wait()
    log.info("draining", extra={"sessions": len(studio.sessions)})
    await studio.sessions.drain(drain_s)
    server.should_exit = True


def _lifespan(
    studio: Studio, load: Load, improve: Improve, close: Callable[[], None]
) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def whole_life(app: Starlette) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            owner = tasks.create_task(studio.sessions.run())
            loader = tasks.create_task(_load(studio, app, load, improve))
            yield
            loader.cancel()  # a compiler that still runs ends with it
            owner.cancel()
        close()

    return whole_life


async def _load(studio: Studio, app: Starlette, load: Load, improve: Improve) -> None:
    """Load in a thread while pages are already served; the doors' routes come first from then on."""
    try:
        routes = await _in_daemon_thread(partial(load, studio))
    except Exception as error:
        log.exception("loading the models failed")
        studio.failed = str(error) or type(error).__name__
    else:
        app.router.routes[:0] = routes
    studio.loaded.set()
    await improve()


async def _in_daemon_thread(work: Callable[[], T]) -> T:
    """As `asyncio.to_thread`, but a stop in the middle of it does not wait for its end."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: Exception | None) -> None:
        if result.cancelled():
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(cast(T, value))

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except Exception as raised:
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has gone: nobody waits
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="load", daemon=True).start()
    return await result
