"""Sound packets off the network back into order, each gap named by a deadline. Pure: given `now`.

Timestamps are on a line without wraps (`TrackClock.arrived` makes it); sequence numbers are the 16 bits of the wire.
Knows nothing of codecs beyond how many samples a packet holds. Pictures are put together in assembler.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["SequenceLine", "SoundGap", "SoundJitterBuffer", "SoundPacket"]

RESTART_PACKETS = 3000  # RFC 3550, A.1: MAX_DROPOUT
HELD = 256


@dataclass(frozen=True, slots=True)
class SoundPacket:
    seq: int
    timestamp: int
    samples: int
    payload: bytes
    arrival: float
    ssrc: int = 0


@dataclass(frozen=True, slots=True)
class SoundGap:
    """Nothing came for these `samples`."""

    timestamp: int
    samples: int


class SequenceLine:
    """16-bit sequence numbers to a line; None for a restart."""

    def __init__(self) -> None:
        self.newest: int | None = None
        self._ssrc = 0

    def extend(self, seq: int, ssrc: int) -> int | None:
        if self.newest is None or ssrc != self._ssrc:
            first, self.newest, self._ssrc = self.newest is None, seq, ssrc
            return seq if first else None
        ahead = ((seq - self.newest + 0x8000) & 0xFFFF) - 0x8000
        if abs(ahead) > RESTART_PACKETS:
            self.newest = seq
            return None
        extended = self.newest + ahead
        self.newest = max(self.newest, extended)
        return extended


class _Lately:
    """The least and nearly the most of what was seen in the last `span_s`."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._seen: deque[tuple[float, float]] = deque()
        self.least = self.most = 0.0

    def add(self, value: float, now: float) -> None:
        self._seen.append((now, value))
        while self._seen[0][0] < now - self._span_s:
            self._seen.popleft()
        ranked = sorted(value for _, value in self._seen)
        # The second largest: a single straggler is cheaper to conceal than to wait for.
        self.least, self.most = ranked[0], ranked[max(len(ranked) - 2, 0)]


class SoundJitterBuffer:
    """Sound in order, and a gap for what has not come by its deadline.

    A packet that is next in order leaves at once: holding it would buy nothing, since every frame carries its capture
    time and whoever plays it out smooths arrivals anyway. Only a *missing* packet is waited for: until the time at
    which it would have come on a fast day, plus `depth_s`: `base_s` on a quiet network, a little more than the delays
    seen during the last `window_s` on another, at most `most_s`. Once a later packet is here it is waited for only as
    long as packets have been overtaken lately, `overtaken_s` at most. Nothing at all for `idle_s` is the end of the
    sound; it may begin again.
    """

    def __init__(
        self,
        *,
        rate: int = 48_000,
        base_s: float = 0.02,
        most_s: float = 0.4,
        window_s: float = 4.0,
        overtaken_s: float = 0.06,
        idle_s: float = 1.0,
    ) -> None:
        self.rate, self.base_s, self.most_s, self.idle_s = rate, base_s, most_s, idle_s
        self.overtaken_s = overtaken_s
        self.depth_s = base_s
        self.received = self.lost = self.late = self.duplicates = self.gap_samples = 0
        self._sequence, self._transits, self._overtaken = SequenceLine(), _Lately(window_s), _Lately(window_s)
        self._held: dict[int, SoundPacket] = {}
        self._out: deque[SoundPacket | SoundGap] = deque()
        self._played: deque[int] = deque(maxlen=64)
        self._next_seq = self._next_time = self._packet_samples = 0
        self._started = False
        self._arrival = 0.0

    def __len__(self) -> int:
        return len(self._held)

    def push(self, packet: SoundPacket) -> None:
        """A packet has arrived."""
        seq = self._sequence.extend(packet.seq, packet.ssrc)
        if seq is None:
            self._restart()
            seq = packet.seq
        self._measure(packet)
        if not self._started:
            self._started, self._next_seq, self._packet_samples = True, seq, packet.samples
            self._next_time = max(self._next_time, packet.timestamp)
        if seq in self._held or seq in self._played:
            self.duplicates += 1
        elif seq < self._next_seq:
            self.late += 1
            self.lost -= 1
            self._overtaken.add(self.overtaken_s, packet.arrival)
        else:
            overtaken = packet.arrival - self._noticed() if self._held and seq == self._next_seq else 0.0
            self._overtaken.add(overtaken, packet.arrival)
            self._held[seq] = packet
            self._release()
        while len(self._held) > HELD:
            self._give_up()

    def next_due(self) -> float | None:
        """Monotonic time at which `pop_due` has something, or None when only a packet can bring that."""
        return self._arrival if self._out else self._deadline()

    def pop_due(self, now: float) -> list[SoundPacket | SoundGap]:
        """Everything that is due, in order."""
        while (due := self._deadline()) is not None and due <= now:
            self._give_up()
        out = list(self._out)
        self._out.clear()
        return out

    def _deadline(self) -> float | None:
        """When the next sound in order, which is not here, is given up."""
        due = self._transits.least + self._next_time / self.rate + self.depth_s
        if self._held:
            patience = min(max(self.base_s, 1.1 * self._overtaken.most + 0.005), self.overtaken_s)
            due = min(due, self._noticed() + patience)
        idle = not self._held and due > self._arrival + self.idle_s
        return due if self._started and not idle else None

    def _noticed(self) -> float:
        """When the first of the packets that wait for a missing one came."""
        return min(packet.arrival for packet in self._held.values())

    def _measure(self, packet: SoundPacket) -> None:
        self.received += 1
        self._arrival = packet.arrival
        self._transits.add(packet.arrival - packet.timestamp / self.rate, packet.arrival)
        spread = self._transits.most - self._transits.least
        self.depth_s = min(max(self.base_s, 1.1 * spread + 0.005), self.most_s)

    def _release(self) -> None:
        while (packet := self._held.pop(self._next_seq, None)) is not None:
            self._next_seq += 1
            if packet.timestamp < self._next_time:  # its time was filled while nothing came
                self.late += 1
            else:
                self._emit(packet)

    def _emit(self, packet: SoundPacket) -> None:
        hole = packet.timestamp - self._next_time
        if 0 < hole <= self.idle_s * self.rate:  # silence that was not sent (DTX), or a restart
            self._gap(hole)
        self._out.append(packet)
        self._played.append(self._next_seq - 1)
        self._next_time = packet.timestamp + packet.samples

    def _gap(self, samples: int) -> None:
        self._out.append(SoundGap(self._next_time, samples))
        self._next_time += samples
        self.gap_samples += samples

    def _give_up(self) -> None:
        """Fill one packet's time; the sequence number is given up only if a later one shows that it was sent."""
        samples = self._packet_samples
        if self._held:
            samples = min(samples, self._held[min(self._held)].timestamp - self._next_time)
            self._next_seq += 1
            self.lost += 1
        if samples > 0:
            self._gap(samples)
        self._release()

    def _restart(self) -> None:
        while self._held:
            self._give_up()
        self._played.clear()
        self._started = False
