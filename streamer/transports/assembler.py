"""Picture packets off the network back into whole pictures. Pure: given `now`.

Knows nothing of codecs beyond which packet starts a picture and whether that picture is a key: one that needs no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamer.transports.jitter import SequenceLine

__all__ = ["EncodedPicture", "PictureAssembler", "PicturePacket"]

NEVER = float("-inf")
MOST_MISSING = 128  # in a row: senders keep no more to send again


@dataclass(frozen=True, slots=True)
class PicturePacket:
    """`payload` without the codec's RTP header; `starts_key`: the first packet of a key picture."""

    seq: int
    timestamp: int
    marker: bool
    payload: bytes
    arrival: float
    starts_key: bool = False
    ssrc: int = 0


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    timestamp: int
    payload: bytes
    key: bool
    arrival: float


class PictureAssembler:
    """Whole pictures in order, each as soon as its last packet is here.

    A missing packet is asked for at once and every `retry_s` (`nacks`); a picture that is still not whole after
    `give_up_s` is given up, and with it everything up to the next key picture, which `wants_key` asks for.
    """

    def __init__(
        self, *, capacity: int = 2048, retry_s: float = 0.05, give_up_s: float = 0.25, ask_every_s: float = 0.5
    ) -> None:
        self.capacity, self.retry_s, self.give_up_s, self.ask_every_s = capacity, retry_s, give_up_s, ask_every_s
        self.received = self.late = self.given_up = 0
        self._sequence = SequenceLine()
        self._held: dict[int, PicturePacket] = {}
        self._missing: dict[int, tuple[float, float]] = {}  # seq → (noticed, asked last)
        self._next: int | None = None  # None: no key picture has begun
        self._asked = NEVER

    def __len__(self) -> int:
        return len(self._held)

    def push(self, packet: PicturePacket) -> None:
        """A packet has arrived (also one sent again)."""
        self.received += 1
        newest, seq = self._sequence.newest, self._sequence.extend(packet.seq, packet.ssrc)
        hole = 0 if seq is None or newest is None else seq - newest
        if seq is None or hole > MOST_MISSING or len(self._held) >= self.capacity:
            self.wait_for_key()
        if seq is None:
            newest = seq = packet.seq
        if self._next is not None and seq < self._next:
            self.late += 1
            return
        self._held[seq] = packet
        if self._next is None:
            self._begin(seq)
        else:
            self._note_missing(range(seq if newest is None else newest + 1, seq), packet.arrival)
        self._missing.pop(seq, None)

    def wait_for_key(self) -> None:
        """Drop what is held: nothing before the next key picture can be decoded."""
        self.given_up += self._next is not None
        self._held.clear()
        self._missing.clear()
        self._next = None

    def pop_ready(self, now: float) -> list[EncodedPicture]:
        """The pictures that are whole, in order."""
        ready = list(self._whole())
        if not ready and self._missing:
            self._skip(overdue=any(noticed <= now - self.give_up_s for noticed, _ in self._missing.values()))
            ready = list(self._whole())
        return ready

    def nacks(self, now: float) -> list[int]:
        """Sequence numbers (of the wire) to ask for now."""
        due = sorted(seq for seq, (_, asked) in self._missing.items() if asked <= now - self.retry_s)
        self._missing.update({seq: (self._missing[seq][0], now) for seq in due})
        return [seq & 0xFFFF for seq in due]

    def wants_key(self, now: float) -> bool:
        """Whether to ask for a key picture now; true at most every `ask_every_s`."""
        if self._next is not None or not self.received or now - self._asked < self.ask_every_s:
            return False
        self._asked = now
        return True

    def next_due(self) -> float | None:
        """Monotonic time at which to ask again or to give up, or None."""
        times = [min(asked + self.retry_s, noticed + self.give_up_s) for noticed, asked in self._missing.values()]
        if self._next is None and self.received:
            times.append(self._asked + self.ask_every_s)
        return min(times, default=None)

    def _begin(self, seq: int) -> None:
        """Go on from `seq` if it starts a key picture; packets that overtook it are held already."""
        if self._held[seq].starts_key:
            self._next = seq
            self._held = {at: packet for at, packet in self._held.items() if at >= seq}
            self._missing = {at: times for at, times in self._missing.items() if at >= seq}
            self._note_missing(range(seq + 1, max(self._held)), self._held[seq].arrival)

    def _note_missing(self, between: range, now: float) -> None:
        for seq in between:
            if seq not in self._held:
                self._missing.setdefault(seq, (now, NEVER))

    def _skip(self, *, overdue: bool) -> None:
        """Past the incomplete picture: to a key picture that is here, or, when that is overdue, to one that begins."""
        begins = [seq for seq, packet in self._held.items() if packet.starts_key and seq != self._next]
        whole = [seq for seq in begins if self._run(seq)]
        if whole or (overdue and begins):
            self.given_up += 1
            self._begin(min(whole or begins))
        elif overdue:
            self.wait_for_key()

    def _whole(self) -> Iterator[EncodedPicture]:
        while self._next is not None:
            while self._next in self._held and not self._held[self._next].payload:
                del self._held[self._next]  # padding
                self._next += 1
            run = self._run(self._next)
            if not run:
                return
            packets = [self._held.pop(seq) for seq in run]
            self._next = run.stop
            yield EncodedPicture(
                timestamp=packets[0].timestamp,
                payload=b"".join(packet.payload for packet in packets),
                key=packets[0].starts_key,
                arrival=max(packet.arrival for packet in packets),
            )

    def _run(self, start: int) -> range:
        """The sequence numbers of the whole picture that begins at `start`; empty if it is not whole yet."""
        held, seq = self._held, start
        while seq in held and held[seq].timestamp == held[start].timestamp:
            if held[seq].marker:
                return range(start, seq + 1)
            seq += 1
        # Some senders set no marker: then the next picture's first packet is what ends this one.
        return range(start, seq) if seq in held and seq > start else range(0)
