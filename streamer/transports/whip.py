"""WHIP in (RFC 9725) and WHEP out (draft-ietf-wish-whep), so that OBS, GStreamer and FFmpeg can connect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from streamer.sessions import NotFound
from streamer.transports.http import Refused, Studio, body_text
from streamer.transports.ice import Network
from streamer.transports.offer import wants_stereo
from streamer.transports.webrtc import Peer, opened

__all__ = ["whip_routes"]

SDP = "application/sdp"
FRAGMENT = "application/trickle-ice-sdpfrag"

Endpoint = Callable[[Request], Awaitable[Response]]


def whip_routes(studio: Studio, network: Network) -> list[BaseRoute]:
    """`/whip/NAME`, `/whep/NAME` and the resources below them."""
    routes: list[BaseRoute] = []
    for door, begin in (("whip", _publish), ("whep", _view)):
        routes.append(
            Route(f"/{door}/{{name}}", _collection(studio, network, door, begin), methods=["POST", "OPTIONS"])
        )
        routes.append(Route(f"/{door}/{{name}}/{{id}}", _resource(studio, door), methods=["PATCH", "DELETE"]))
    return routes


def _collection(studio: Studio, network: Network, door: str, begin: Callable[..., Awaitable[Peer]]) -> Endpoint:
    async def post(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Accept-Post": SDP})
        await studio.ready()
        offer = await body_text(request, SDP)
        peer = await begin(studio, network, request.path_params["name"], offer)
        headers = {"Location": f"{request.url.path}/{peer.id}", "ETag": _tag(peer), "Accept-Patch": FRAGMENT}
        response = Response(peer.answer, 201, headers, media_type=SDP)
        for server in studio.ice_servers:
            response.headers.append("Link", _link(server))
        return response

    return post


async def _publish(studio: Studio, network: Network, name: str, offer: str) -> Peer:
    async with opened(studio, name, channels=2 if wants_stereo(offer) else 1) as session:
        return await Peer.accept(session, network, offer, kind="whip")


async def _view(studio: Studio, network: Network, name: str, offer: str) -> Peer:
    return await Peer.accept(studio.sessions.find(name), network, offer, kind="whep")


def _resource(studio: Studio, door: str) -> Endpoint:
    async def change(request: Request) -> Response:
        peer = studio.sessions.find(request.path_params["name"]).connections.get(request.path_params["id"])
        if not isinstance(peer, Peer) or peer.kind != door:
            raise NotFound("no such connection; it may have ended")
        if request.method == "DELETE":
            await peer.close("ended by its client")
            return Response(status_code=200)
        if request.headers.get("if-match", "*") not in ("*", _tag(peer)):
            raise Refused(412, "that ETag is of another connection: nothing was changed")
        fragment = await body_text(request, FRAGMENT)
        if "a=ice-ufrag" in fragment and not peer.same_ice(fragment):
            raise Refused(422, "ICE restart is not supported here: POST a new offer instead")
        await peer.add_candidates(fragment)
        return Response(status_code=204)

    return change


def _tag(peer: Peer) -> str:
    """RFC 9725, section 4.3.1: names the ICE session."""
    return f'"{peer.id}"'


def _link(server: dict[str, Any]) -> str:
    """RFC 9725, section 4.6."""
    login = "".join(
        f'; {name}="{server[key]}"'
        for name, key in (("username", "username"), ("credential", "credential"))
        if key in server
    )
    return f'<{server["urls"]}>; rel="ice-server"{login}' + ('; credential-type="password"' if login else "")
