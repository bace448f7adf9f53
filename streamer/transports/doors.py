"""All media doors' routes in one list; imported once the slow packages are wanted."""

from __future__ import annotations

from starlette.routing import BaseRoute

from streamer.transports.http import Studio
from streamer.transports.ice import Network
from streamer.transports.pcm import audio_door
from streamer.transports.subtitles import subtitle_routes
from streamer.transports.webrtc import webrtc_routes
from streamer.transports.websocket import websocket_routes
from streamer.transports.whip import whip_routes

__all__ = ["Network", "media_routes"]


def media_routes(studio: Studio, network: Network) -> list[BaseRoute]:
    """WebRTC, WHIP, WHEP, websockets and captions."""
    return [
        *webrtc_routes(studio, network),
        *whip_routes(studio, network),
        *websocket_routes(studio, audio_door(studio)),
        *subtitle_routes(studio),
    ]
