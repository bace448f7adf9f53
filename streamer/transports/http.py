"""The HTTP side of every door: routes that need no media, errors as JSON, and who may come in.

Knows Starlette; hands requests to sessions. Media doors add their routes in their own files.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from streamer.frame import FormatError
from streamer.metrics import Metrics
from streamer.publisher import Busy
from streamer.session import Session
from streamer.sessions import Full, NotFound, Sessions
from streamer.settings import SettingsError
from streamer.stages.cast import DRAWN_ONLY, Cast
from streamer.stages.saying import TooMuchText
from streamer.stages.talk import NoVoice

__all__ = ["Access", "Refused", "Studio", "body_text", "create_app", "json_body"]

WEB = Path(__file__).parent.parent / "web"
LONGEST_BODY = 256 << 10
READY_WAIT_S = 30.0
RETRY_S = 5
RETRY = {"Retry-After": str(RETRY_S)}
OPEN_PATHS = ("/", "/healthz", "/readyz")
OPEN_FOLDERS = ("/static/", "/overlay/", "/editor/")
PAGES = {  # open to all: what they show is not
    "/": "index.html",
    "/overlay/captions/{name}": "overlay.html",
    "/overlay/anchor/{name}": "anchor-overlay.html",
    "/editor/{name}": "editor.html",
}
PAGE_POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob: mediastream:; img-src 'self' data: blob:; "
    "frame-ancestors 'none'; base-uri 'none'"
)


class Refused(Exception):
    """An answer with a status and a text that says what to do."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Access:
    """Who may come in: a token (None on loopback), the hosts that we answer to (None: any), further origins."""

    token: str | None = None
    hosts: frozenset[str] | None = None
    origins: frozenset[str] = frozenset()

    def check(self, connection: HTTPConnection) -> None:
        """Raises `Refused` with 401 or 403."""
        host = urlsplit(f"//{connection.headers.get('host', '')}")
        if self.hosts is not None and (host.hostname or "") not in self.hosts:
            # A page of a foreign name that resolves to this address (DNS rebinding) must not reach us.
            raise Refused(403, f"this server does not answer to the host name {host.hostname!r}")
        origin = connection.headers.get("origin")
        if origin and urlsplit(origin).netloc != host.netloc and origin not in self.origins:
            raise Refused(403, f"origin {origin} is not allowed; start limelight with --allow-origin {origin}")
        if self.token is not None and not self._open(connection.url.path):
            self._check_token(connection)

    @staticmethod
    def _open(path: str) -> bool:
        return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)

    def _check_token(self, connection: HTTPConnection) -> None:
        given = connection.headers.get("authorization", "").removeprefix("Bearer ") or connection.query_params.get(
            "token", ""
        )
        if not secrets.compare_digest(given.encode(), (self.token or "").encode()):
            raise Refused(
                401,
                "a token is needed: send 'Authorization: Bearer TOKEN' or '?token=TOKEN' (it was printed at the start)",
            )


@dataclass(slots=True)
class Studio:
    """What every door shares. `loaded` is set when the models are there."""

    sessions: Sessions
    metrics: Metrics
    access: Access = field(default_factory=Access)
    ice_servers: Sequence[dict[str, Any]] = ()
    cast: Cast = DRAWN_ONLY
    tracks_faces: bool = False
    loaded: asyncio.Event = field(default_factory=asyncio.Event)
    failed: str = ""

    async def ready(self) -> None:
        """Wait until models are loaded; raises `Refused` 503 when that takes too long or failed."""
        try:
            async with asyncio.timeout(READY_WAIT_S):
                await self.loaded.wait()
        except TimeoutError:
            raise Refused(503, "the models are still loading; try again in a few seconds") from None
        if self.failed:
            raise Refused(503, f"the models could not be loaded: {self.failed}")


STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Full, 503),
    (NotFound, 404),
    (Busy, 409),
    (SettingsError, 422),
    (FormatError, 400),
    (TooMuchText, 429),
    (NoVoice, 503),
)


def error_response(studio: Studio, error: Exception) -> Response:
    """The JSON answer for an error of ours."""
    status = (
        error.status if isinstance(error, Refused) else next(code for kind, code in STATUS if isinstance(error, kind))
    )
    studio.metrics.refused.labels(str(status)).inc()
    headers = {401: {"WWW-Authenticate": "Bearer"}, 429: RETRY, 503: RETRY}.get(status, {})
    return JSONResponse({"error": str(error)}, status, headers)


async def body_text(request: Request, media_type: str) -> str:
    """The body as text; raises `Refused` 413 or 415 and FormatError."""
    given = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if given != media_type:
        raise Refused(415, f"the body must be {media_type}, not {given or 'untyped'}")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise Refused(413, f"the body is longer than {LONGEST_BODY} bytes")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise FormatError("the body is not UTF-8 text") from None


async def json_body(request: Request) -> dict[str, Any]:
    """The body as a JSON object."""
    try:
        value = json.loads(await body_text(request, "application/json"))
    except (json.JSONDecodeError, RecursionError) as error:
        raise FormatError(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise FormatError("the body must be a JSON object")
    return value


class _Guard:
    """Access before anything else, for requests and websockets alike (ASGI)."""

    def __init__(self, app: ASGIApp, studio: Studio) -> None:
        self._app, self._studio = app, studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            try:
                self._studio.access.check(HTTPConnection(scope))
            except Refused as error:
                await self._refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _refuse(self, error: Refused, scope: Scope, receive: Receive, send: Send) -> None:
        response = error_response(self._studio, error)
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(response)
        else:
            await response(scope, receive, send)


def create_app(studio: Studio, *, lifespan: Callable[[Starlette], Any]) -> Starlette:
    """The application without its media doors, whose routes come in when the models are loaded."""

    async def answer(connection: Request | WebSocket, error: Exception) -> Any:
        response = error_response(studio, error)
        if not isinstance(connection, WebSocket):
            return response
        await connection.send_denial_response(response)
        return None  # it is said: Starlette would say it again

    app = Starlette(
        routes=[*_plain_routes(studio), Mount("/static", StaticFiles(directory=WEB))],
        middleware=[Middleware(_Guard, studio)],
        exception_handlers=dict.fromkeys((Refused, *(kind for kind, _ in STATUS)), answer),
        lifespan=lifespan,
    )
    app.router.default = _Late(app.router, studio)
    return app


class _Late:
    """What no route matches: while the models load, wait for the doors' routes; then there is no such page."""

    def __init__(self, router: Router, studio: Studio) -> None:
        self._router, self._studio = router, studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("limelight.late"):
            raise Refused(404, "there is nothing here; docs/protocol.md lists the doors")
        await self._studio.ready()
        await self._router({**scope, "limelight.late": True}, receive, send)


def _page(file: Path) -> Callable[[Request], Awaitable[Response]]:
    async def page(_request: Request) -> Response:
        return FileResponse(file, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"})

    return page


def _plain_routes(studio: Studio) -> list[Route]:
    async def config(_request: Request) -> Response:
        return JSONResponse(_config(studio))

    async def sessions(_request: Request) -> Response:
        return JSONResponse({"sessions": [_summary(session) for session in studio.sessions]})

    return [
        *(Route(path, _page(WEB / file)) for path, file in PAGES.items()),
        Route("/config", config),
        Route("/sessions", sessions),
        Route("/sessions/{name}/settings", _settings_endpoint(studio), methods=["GET", "PATCH"]),
        *_operator_routes(studio),
    ]


def _config(studio: Studio) -> dict[str, Any]:
    used, capacity = len(studio.sessions), studio.sessions.capacity
    return {
        "version": 1,
        "ice_servers": list(studio.ice_servers),
        "ready": studio.loaded.is_set() and not studio.failed,
        "capacity": {"sessions": capacity, "free": capacity - used},
        "anchor": {"portraits": list(studio.cast.portraits), "face": studio.tracks_faces},
    }


def _summary(session: Session) -> dict[str, Any]:
    return {
        "name": session.name,
        "publishers": int(session.publisher is not None),
        "viewers": session.viewers,
        "age_s": round(session.time_s, 1),
    }


def _operator_routes(studio: Studio) -> list[Route]:
    async def metrics(_request: Request) -> Response:
        return Response(studio.metrics.text(), media_type="text/plain; version=0.0.4")

    async def alive(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def ready(_request: Request) -> Response:
        if studio.loaded.is_set() and not studio.failed and not studio.sessions.draining:
            return PlainTextResponse("ready")
        raise Refused(503, studio.failed or ("shutting down" if studio.sessions.draining else "loading models"))

    return [Route("/metrics", metrics), Route("/healthz", alive), Route("/readyz", ready)]


def _settings_endpoint(studio: Studio) -> Callable[[Request], Awaitable[Response]]:
    async def settings(request: Request) -> Response:
        session = studio.sessions.find(request.path_params["name"])
        if request.method == "PATCH":
            session.configure(await json_body(request))
        return JSONResponse(session.settings.model_dump())

    return settings
