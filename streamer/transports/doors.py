"""All media doors' routes in one list; imported once the slow packages are wanted."""

from __future__ import annotations

from starlette.routing import BaseRoute

from streamer.transports.anchors import anchor_routes
from streamer.transports.http import Studio
from streamer.transports.ice import Network
from streamer.transports.pcm import audio_door
from streamer.transports.places import Places
from streamer.transports.rig import rig_routes
from streamer.transports.say import say_route
from streamer.transports.speech import SPOKEN_AT_ONCE, Begin, speech_route
from streamer.transports.speech_socket import speech_socket
from streamer.transports.subtitles import subtitle_routes
from streamer.transports.webrtc import webrtc_routes
from streamer.transports.websocket import websocket_routes
from streamer.transports.whip import whip_routes

__all__ = ["Network", "media_routes", "speech_routes"]


def media_routes(studio: Studio, network: Network) -> list[BaseRoute]:
    """WebRTC, WHIP, WHEP, websockets, captions, lines to say, the rig and what anchors look like."""
    return [
        *webrtc_routes(studio, network),
        *whip_routes(studio, network),
        *websocket_routes(studio, audio_door(studio)),
        *subtitle_routes(studio),
        say_route(studio),
        *rig_routes(studio),
        *anchor_routes(studio.cast),
    ]


def speech_routes(studio: Studio, begin: Begin) -> list[BaseRoute]:
    """Text to speech, by a request and by a websocket."""
    places = Places(SPOKEN_AT_ONCE, "texts are being spoken")
    return [speech_route(studio, begin, places), speech_socket(studio, begin, places)]
