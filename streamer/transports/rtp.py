"""Sound and pictures through aiortc, past its own media path. The only file that touches aiortc's internals (1.16).

In place of aiortc's jitter buffers, decoder threads, unbounded queues, encoders and clocks: `receive_sound`,
`receive_picture` and `send_encoded` are called once each, on the loop, before or after the connection is up. What
comes back has `stats()` and `await close()`, and a receiver has `ended`, an event that is set when the other side has
gone. aiortc keeps the transport, the splitting into packets, RTX, REMB and the receiver reports.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from aiortc import RTCRtpReceiver, RTCRtpSender, RTCRtpTransceiver
from aiortc import rtp as wire
from aiortc.rtcrtpparameters import RTCRtpReceiveParameters

from streamer.channel import Channel
from streamer.clock import OutputClock, TrackClock
from streamer.frame import AudioFrame, VideoFrame
from streamer.transports.codecs import Encoded
from streamer.transports.receive import Observe, PictureReceiver, Received, SoundReceiver
from streamer.transports.send import SenderStats, ViewerQueue
from streamer.transports.track import EncodedTrack

__all__ = [
    "EncodedSender",
    "Observe",
    "PictureReceiver",
    "SenderStats",
    "SoundReceiver",
    "prefer_codec",
    "receive_picture",
    "receive_sound",
    "send_encoded",
]

CODECS = "_codecs"  # of a transceiver
EARLY_REPORTS_S = (0.1, 0.2, 0.4)  # between sender reports at the start; then aiortc's, about one a second
RECEIVER_INTERNALS = (
    "_RTCRtpReceiver__codecs",
    "_RTCRtpReceiver__decoder_thread",
    "_RTCRtpReceiver__jitter_buffer",
    "_RTCRtpReceiver__nack_generator",
    "_RTCRtpReceiver__stop_decoder",
    "_handle_disconnect",
    "_handle_rtcp_packet",
    "_send_rtcp_nack",
    "_send_rtcp_pli",
)
SENDER_INTERNALS = (
    "_RTCRtpSender__cname",
    "_RTCRtpSender__lsr",
    "_RTCRtpSender__lsr_time",
    "_RTCRtpSender__octet_count",
    "_RTCRtpSender__packet_count",
    "_RTCRtpSender__rtp_timestamp",
    "_RTCRtpSender__rtt",
    "_handle_rtcp_packet",
    "_send_rtcp",
    "_ssrc",
)


def _unobserved(_stage: str, _seconds: float) -> None:
    pass


def receive_sound(
    receiver: RTCRtpReceiver,
    clock: TrackClock,
    sink: Callable[[AudioFrame], None],
    *,
    channels: int | None = None,
    executor: Executor | None = None,
    observe: Observe = _unobserved,
) -> SoundReceiver:
    """Take over an audio receiver: frames on the session's clock, end to end, go to `sink`, on the loop.

    `channels`: 1 or 2, or None for what the first packet was coded with. `executor`: for decoding; None for the
    loop's own. `observe` is told how long each packet waited ("jitter") and each batch was decoded ("decode").
    """
    tap = _Tap(receiver, clock)
    sound = SoundReceiver(clock, sink, channels=channels, executor=executor, observe=observe)
    tap.connect(sound)
    return sound


def receive_picture(
    receiver: RTCRtpReceiver,
    clock: TrackClock,
    sink: Callable[[VideoFrame], None],
    *,
    executor: Executor | None = None,
    observe: Observe = _unobserved,
) -> PictureReceiver:
    """Take over a video receiver: every picture is decoded and the newest goes to `sink`, on the loop."""
    tap = _Tap(receiver, clock)
    picture = PictureReceiver(clock, sink, tap, executor=executor, observe=observe)
    tap.connect(picture)
    return picture


def prefer_codec(transceiver: RTCRtpTransceiver, name: str) -> str:
    """Put a codec first, if the offer has it: call it after the remote offer is set and before answering.

    Returns the name of the codec that will be sent; the other side will most likely send that, too.
    """
    agreed: list[Any] = getattr(transceiver, CODECS)
    # Each codec brings its RTX along; the sort is stable.
    first = {codec.payloadType for codec in agreed if codec.name == name}
    agreed.sort(key=lambda codec: not first & {codec.payloadType, codec.parameters.get("apt")})
    return str(agreed[0].name)


def send_encoded(
    sender: RTCRtpSender,
    source: Channel[Encoded],
    clock: OutputClock,
    *,
    request_keyframe: Callable[[], None] = lambda: None,
    lost: Callable[[float], None] = lambda _share: None,
    observe: Observe = _unobserved,
) -> EncodedSender:
    """Send what a shared encoder made: RTP time is the packet's pts, and sender reports tie it to the session's clock.

    A picture is sent only if the viewer has what it refers to: nothing before the first key picture, nor after a drop
    from `source` before the next; `request_keyframe` is called then, and when the viewer asks. `observe` is told the
    time from a frame's arrival to its packet's departure ("total"), `lost` the share 0…1 that each report says is lost.
    """
    queue = ViewerQueue(source, request_keyframe)
    return EncodedSender(sender, queue, clock, _SenderEvents(request_keyframe, lost, observe))


@dataclass(frozen=True, slots=True)
class _SenderEvents:
    request_keyframe: Callable[[], None]
    lost: Callable[[float], None]
    observe: Observe


class _Tap:
    """Stands where a receiver's jitter buffer was: aiortc still parses, counts and reports, and we get the packets."""

    def __init__(self, receiver: RTCRtpReceiver, clock: TrackClock) -> None:
        self._receiver: Any = receiver
        self._clock = clock
        self._to: SoundReceiver | PictureReceiver | None = None
        self._ssrc: int | None = None

    def connect(self, to: SoundReceiver | PictureReceiver) -> None:
        receiver, self._to = self._receiver, to
        self._rtcp, self._disconnect = receiver._handle_rtcp_packet, receiver._handle_disconnect
        self._receive = receiver.receive
        receiver._RTCRtpReceiver__jitter_buffer = self
        receiver._RTCRtpReceiver__nack_generator = None
        receiver._handle_rtcp_packet = self._rtcp_arrived
        receiver._handle_disconnect = self._disconnected
        receiver.receive = self._started
        receiver._RTCRtpReceiver__stop_decoder()

    def add(self, packet: wire.RtpPacket) -> tuple[bool, None]:
        """What aiortc calls on its jitter buffer with each packet; the answer: no PLI, nothing for your decoder."""
        codec = self._receiver._RTCRtpReceiver__codecs[packet.payload_type].name
        self._ssrc = packet.ssrc
        assert self._to is not None
        self._to.take(
            Received(
                codec=codec,
                seq=packet.sequence_number,
                timestamp=packet.timestamp,
                marker=bool(packet.marker),
                ssrc=packet.ssrc,
                payload=packet.payload,
                body=packet._data,  # type: ignore[attr-defined]
                arrival=time.monotonic(),
            )
        )
        return False, None

    async def ask_again(self, lost: list[int]) -> None:
        if self._ssrc is not None:
            await self._receiver._send_rtcp_nack(self._ssrc, lost)

    async def ask_for_key(self) -> None:
        if self._ssrc is not None:
            await self._receiver._send_rtcp_pli(self._ssrc)

    async def _started(self, parameters: RTCRtpReceiveParameters) -> None:
        await self._receive(parameters)
        self._receiver._RTCRtpReceiver__stop_decoder()

    async def _rtcp_arrived(self, packet: wire.AnyRtcpPacket) -> None:
        # An RTX stream has reports, too, on another time line.
        if isinstance(packet, wire.RtcpSrPacket) and packet.ssrc == self._ssrc:
            self._clock.report(packet.sender_info.ntp_timestamp, packet.sender_info.rtp_timestamp)
        if isinstance(packet, wire.RtcpByePacket):
            self._end()
        await self._rtcp(packet)

    def _disconnected(self) -> None:
        self._end()
        self._disconnect()

    def _end(self) -> None:
        if self._to is not None:
            self._to.ended.set()


class EncodedSender:
    """One viewer's track, fed with packets that are encoded already."""

    def __init__(self, sender: RTCRtpSender, queue: ViewerQueue, clock: OutputClock, on: _SenderEvents) -> None:
        self._sender: Any = sender
        self._queue, self._clock, self._on = queue, clock, on
        self._last: Encoded | None = None
        self._origin: int | None = None
        self._early = iter(EARLY_REPORTS_S)
        self._report_due: float | None = 0.0
        self._report: wire.RtcpReceiverInfo | None = None
        self._track = EncodedTrack(sender.kind, self._next)
        self._take_over()

    def _take_over(self) -> None:
        sender = self._sender
        self._handle, self._send = sender._handle_rtcp_packet, sender._send_rtcp
        sender._handle_rtcp_packet, sender._send_rtcp = self._rtcp_arrived, self._rtcp_leaves
        sender.replaceTrack(self._track)

    def stats(self) -> SenderStats:
        report, rate = self._report, self._last.rate if self._last else 1
        return SenderStats(
            loss=report.fraction_lost / 256 if report else None,
            jitter_s=report.jitter / rate if report else None,
            rtt_s=self._sender._RTCRtpSender__rtt,
            skipped=self._queue.skipped,
        )

    async def close(self) -> None:
        """Stop sending. Idempotent."""
        self._queue.close()
        self._track.stop()

    async def _next(self) -> Encoded:
        self._sent()
        await self._report_early(time.monotonic())
        self._last = await self._queue.get()
        return self._last

    def _sent(self) -> None:
        """The packet before has gone: the first one tells us aiortc's random origin of RTP time."""
        if self._last is None:
            return
        if self._origin is None and self._sender._RTCRtpSender__packet_count:
            self._origin = (self._sender._RTCRtpSender__rtp_timestamp - self._last.pts) & 0xFFFFFFFF
        if self._last.arrival:
            self._on.observe("total", time.monotonic() - self._last.arrival)

    async def _report_early(self, now: float) -> None:
        """Reports with the first packets: a receiver needs two before it can bring sound and picture together."""
        if self._origin is None or self._report_due is None or now < self._report_due:
            return
        wait = next(self._early, None)
        self._report_due = None if wait is None else now + wait
        sender = self._sender
        count, octets = sender._RTCRtpSender__packet_count, sender._RTCRtpSender__octet_count
        name = wire.RtcpSourceInfo(sender._ssrc, [(1, str(sender._RTCRtpSender__cname).encode())])
        report = wire.RtcpSrPacket(sender._ssrc, wire.RtcpSenderInfo(0, 0, count, octets))
        await self._rtcp_leaves([report, wire.RtcpSdesPacket([name])])

    async def _rtcp_arrived(self, packet: wire.AnyRtcpPacket) -> None:
        if isinstance(packet, wire.RtcpRrPacket | wire.RtcpSrPacket):
            for report in packet.reports:
                self._reported(report)
        elif isinstance(packet, wire.RtcpPsfbPacket) and packet.fmt in (wire.RTCP_PSFB_PLI, wire.RTCP_PSFB_FIR):
            self._on.request_keyframe()
        await self._handle(packet)

    def _reported(self, report: wire.RtcpReceiverInfo) -> None:
        if report.ssrc == self._sender._ssrc:
            self._report = report
            self._on.lost(report.fraction_lost / 256)

    async def _rtcp_leaves(self, packets: list[wire.AnyRtcpPacket]) -> None:
        reports = any(isinstance(packet, wire.RtcpSrPacket) for packet in packets)
        if self._origin is not None or not reports:
            await self._send([self._true(packet) for packet in packets])

    def _true(self, packet: wire.AnyRtcpPacket) -> wire.AnyRtcpPacket:
        """A sender report that says what is captured now, not which packet left last."""
        if not isinstance(packet, wire.RtcpSrPacket) or self._origin is None or self._last is None:
            return packet
        ntp, pts = self._clock.reference(time.monotonic(), self._last.rate)
        # The answer to this report is recognised by the middle bits of its NTP time, and gives the round trip.
        self._sender._RTCRtpSender__lsr_time = time.time()
        self._sender._RTCRtpSender__lsr = (ntp >> 16) & 0xFFFFFFFF
        told = packet.sender_info
        told = wire.RtcpSenderInfo(ntp, (self._origin + pts) & 0xFFFFFFFF, told.packet_count, told.octet_count)
        return wire.RtcpSrPacket(packet.ssrc, told, packet.reports)
