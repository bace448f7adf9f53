"""WebRTC peers: one class for the studio page (both ways), WHIP (in) and WHEP (out).

Turns an offer into an answer and wires tracks to a session; what aiortc keeps private is in `rtp.py` and `ice.py`.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

from aiortc import RTCConfiguration, RTCDataChannel, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError
from aiortc.sdp import candidate_from_sdp
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from streamer.channel import Channel, Closed
from streamer.clock import PICTURE_SLEW, PublisherClock
from streamer.frame import PICTURE_HZ, SOUND_HZ, AudioFrame, Event, FormatError, VideoFrame
from streamer.publisher import Publisher
from streamer.session import EVENTS_HELD, Session
from streamer.transports import rtp
from streamer.transports.dtls import take_rsa
from streamer.transports.http import Studio, json_body
from streamer.transports.ice import Network, ice_connections, listen_on
from streamer.transports.offer import directions, known_only
from streamer.transports.output import outputs_of
from streamer.transports.rig import send_rig
from streamer.transports.websocket import event_text, hello, message_reply

__all__ = ["Peer", "opened", "webrtc_routes"]

Kind = Literal["studio", "whip", "whep"]

CONNECT_LIMIT_S = 30.0
MOST_CANDIDATES = 64
LONGEST_SEND = 256 << 10  # bytes that may wait on a data channel; beyond, its reader is gone or asleep

log = logging.getLogger(__name__)


class Peer:
    """One WebRTC connection of a session; made by `accept`."""

    def __init__(self, session: Session, kind: Kind, pc: RTCPeerConnection) -> None:
        self.id, self.kind, self.session, self.answer = secrets.token_urlsafe(8), kind, session, ""
        self._pc = pc
        self._publisher: Publisher | None = None
        self._closers: list[Callable[[], Awaitable[None] | None]] = []
        self._closed = False

    @classmethod
    async def accept(cls, session: Session, network: Network, offer: str, *, kind: Kind) -> Peer:
        """Answer an offer and attach to the session.

        Raises:
            FormatError: an offer that cannot be answered; says why.
            Busy: somebody publishes already.
        """
        pc = RTCPeerConnection(RTCConfiguration([RTCIceServer(**server) for server in network.ice_servers]))
        take_rsa(pc)
        peer = cls(session, kind, pc)
        session.attach(peer)
        try:
            await peer._negotiate(offer, network)
        except BaseException:
            await peer.close("the offer was not accepted")
            raise
        return peer

    async def close(self, reason: str) -> None:
        """Detach and free everything. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._publisher is not None:
            self.session.unpublish(self._publisher)
        self.session.detach(self)
        for closer in reversed(self._closers):
            done = closer()
            if done is not None:
                await done
        await self._pc.close()
        log.info(
            "peer closed", extra={"session": self.session.name, "peer": self.id, "kind": self.kind, "reason": reason}
        )

    def same_ice(self, fragment: str) -> bool:
        """Whether a trickle fragment belongs to the ICE session of the offer."""
        match = re.search(r"^a=ice-ufrag:(\S+)", fragment, re.MULTILINE)
        return match is not None and f"a=ice-ufrag:{match[1]}" in self._pc.remoteDescription.sdp

    async def add_candidates(self, fragment: str) -> None:
        """Candidates of an `application/trickle-ice-sdpfrag` (RFC 8840)."""
        mid = None
        for line in fragment.splitlines()[: 4 * MOST_CANDIDATES]:
            if line.startswith("a=mid:"):
                mid = line.removeprefix("a=mid:").strip()
            elif line.startswith("a=candidate:"):
                try:
                    candidate = candidate_from_sdp(line.removeprefix("a=candidate:").strip())
                except (ValueError, IndexError, AssertionError):
                    raise FormatError(f"not an ICE candidate: {line[:120]}") from None
                candidate.sdpMid = mid or "0"
                with suppress(InvalidStateError):
                    await self._pc.addIceCandidate(candidate)

    async def _negotiate(self, offer: str, network: Network) -> None:
        pc = self._pc
        pc.on("datachannel", self._on_channel)
        pc.on("connectionstatechange", self._on_state)
        try:
            await pc.setRemoteDescription(RTCSessionDescription(known_only(offer), "offer"))
            self._wire(directions(offer))
            for connection in ice_connections(pc):
                listen_on(connection, network)
            await pc.setLocalDescription(await pc.createAnswer())
        except (
            ValueError,
            KeyError,
            IndexError,
            AttributeError,
            AssertionError,
            InvalidAccessError,
            OperationError,
        ) as error:
            raise FormatError(f"this offer cannot be answered: {error or type(error).__name__}") from None
        self.answer = pc.localDescription.sdp
        self._own(self.session.spawn(self._expire(), f"connect-{self.id}"))

    def _wire(self, offered: dict[str | None, str]) -> None:
        transceivers = self._pc.getTransceivers()
        incoming = [each for each in transceivers if "send" in offered[each.mid]]
        outgoing = [each for each in transceivers if "recv" in offered[each.mid] and self.kind != "whip"]
        self._check(transceivers, incoming)
        for transceiver in transceivers:
            transceiver.direction = _direction(transceiver in outgoing, transceiver in incoming)
        if incoming:
            self._publisher = self.session.publish()
            self._receive(incoming, self._publisher)
        if outgoing:
            self._send(outgoing)

    def _check(self, transceivers: list[Any], incoming: list[Any]) -> None:
        if not transceivers:
            raise FormatError("the offer has neither sound nor picture")
        if self.kind == "whip" and not incoming:
            raise FormatError("a WHIP offer must send: its media are not sendonly")
        if self.kind == "whep" and incoming:
            raise FormatError("a WHEP offer must only receive: make its media recvonly")

    def _receive(self, incoming: list[Any], publisher: Publisher) -> None:
        session, report = self.session, self.session.report
        clock = PublisherClock(session.clock)

        def hear(frame: AudioFrame) -> None:
            report.concealed(frame.samples.shape[1] * frame.gap)
            with suppress(Closed):
                report.dropped("sound", publisher.sound.offer(frame))

        def see(frame: VideoFrame) -> None:
            with suppress(Closed):
                report.dropped("picture", publisher.picture.offer(frame))

        receiver: rtp.SoundReceiver | rtp.PictureReceiver
        for transceiver in incoming:
            if transceiver.kind == "audio":
                track = clock.track(SOUND_HZ)
                receiver = rtp.receive_sound(
                    transceiver.receiver,
                    track,
                    hear,
                    channels=session.channels,
                    executor=session.sound_codecs,
                    observe=report.observe,
                )
            else:
                track = clock.track(PICTURE_HZ, slew=PICTURE_SLEW)
                observe = _picture_only(report.observe)
                receiver = rtp.receive_picture(transceiver.receiver, track, see, observe=observe)
            self._closers.append(receiver.close)

    def _send(self, outgoing: list[Any]) -> None:
        outputs, report = outputs_of(self.session), self.session.report
        channels = outputs.join()
        self._closers.append(lambda: outputs.leave(channels))
        for transceiver in outgoing:
            sound = transceiver.kind == "audio"
            if not sound and rtp.prefer_codec(transceiver, "VP8") != "VP8":
                raise FormatError("this viewer takes no VP8, the only picture that is sent here")
            sender = rtp.send_encoded(
                transceiver.sender,
                channels[0] if sound else channels[1],
                self.session.output_clock,
                request_keyframe=outputs.request_key,
                lost=(lambda _share: None) if sound else outputs.lost,
                # A picture's way is not in the sound's total.
                observe=(lambda _name, seconds: report.total(seconds)) if sound else lambda _name, _seconds: None,
            )
            self._closers.append(sender.close)

    def _own(self, task: asyncio.Task[None]) -> None:
        self._closers.append(lambda: None if task is asyncio.current_task() else _cancel(task))

    async def _expire(self) -> None:
        await asyncio.sleep(CONNECT_LIMIT_S)
        if self._pc.connectionState not in ("connected", "closed"):
            await self.close("it did not connect in time")

    async def _on_state(self) -> None:
        if self._pc.connectionState in ("failed", "closed"):
            await self.close(f"connection {self._pc.connectionState}")

    def _on_channel(self, channel: RTCDataChannel) -> None:
        if channel.label == "rig":
            self._own(self.session.spawn(send_rig(channel, self.session), f"rig-{self.id}"))
        if channel.label != "events":
            return
        stream = self.session.events.subscribe(EVENTS_HELD)
        self._closers.append(stream.close)

        def answer(message: str | bytes) -> None:
            reply = message_reply(self.session, message)
            if reply is not None:
                with suppress(Closed):
                    stream.offer(reply)

        channel.on("message", answer)
        stream.offer(hello(self.session, self.id))
        with suppress(Closed):
            self._own(self.session.spawn(_send_events(channel, stream), f"events-{self.id}"))


def _direction(sends: bool, receives: bool) -> str:
    return {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}.get(
        (sends, receives), "inactive"
    )


def _picture_only(observe: rtp.Observe) -> rtp.Observe:
    return lambda name, seconds: observe(f"picture_{name}", seconds)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()


async def _send_events(channel: RTCDataChannel, stream: Channel[Event]) -> None:
    async for event in stream:
        if event.kind == "stats" and channel.bufferedAmount > LONGEST_SEND:
            continue
        with suppress(InvalidStateError):
            channel.send(event_text(event))


@asynccontextmanager
async def opened(studio: Studio, name: str, *, channels: int) -> AsyncIterator[Session]:
    """The session of that name, for an offer to it; one that is new goes again when the offer is refused."""
    fresh = all(each.name != name for each in studio.sessions)
    session = await studio.sessions.open(name, channels=channels)
    try:
        yield session
    except BaseException:
        if fresh and not session.connections:
            await studio.sessions.discard(session, "its first offer was not accepted")
        raise


def webrtc_routes(studio: Studio, network: Network) -> list[BaseRoute]:
    """The studio page's own signalling."""

    async def offer(request: Request) -> Response:
        body = await json_body(request)
        sdp = body.get("sdp")
        if not isinstance(sdp, str) or body.get("type") != "offer":
            raise FormatError('an offer is {"sdp": "…", "type": "offer"}')
        await studio.ready()
        async with opened(studio, request.path_params["name"], channels=1) as session:
            before = session.connections.get(str(body.get("takes_over")))
            if before is not None:
                await before.close("taken over by its own page")
            peer = await Peer.accept(session, network, sdp, kind="studio")
        return JSONResponse({"sdp": peer.answer, "type": "answer", "id": peer.id})

    async def end(request: Request) -> Response:
        connection = studio.sessions.find(request.path_params["name"]).connections.get(request.path_params["id"])
        if connection is not None:
            await connection.close("ended by its page")
        return Response(status_code=204)

    return [
        Route("/sessions/{name}/offer", offer, methods=["POST"]),
        Route("/sessions/{name}/connections/{id}", end, methods=["DELETE"]),
    ]
