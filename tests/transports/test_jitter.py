"""The sound jitter buffer in virtual time, against the bars: nothing held on a quiet network, no gap over 60 ms."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest

from streamer.transports.jitter import SoundGap, SoundJitterBuffer, SoundPacket
from tests.network import VirtualNetwork

RATE, SAMPLES = 48_000, 960


@dataclass
class Listener:
    """Drives a buffer as its task does: at each arrival, and when it says that it is due."""

    buffer: SoundJitterBuffer = field(default_factory=SoundJitterBuffer)
    out: list[tuple[float, SoundPacket | SoundGap]] = field(default_factory=list)
    depths: list[tuple[float, float]] = field(default_factory=list)

    def until(self, now: float) -> None:
        while (due := self.buffer.next_due()) is not None and due <= now:
            items = self.buffer.pop_due(due)
            assert items, "it said that something was due"
            self.out += [(due, item) for item in items]

    def take(self, packet: SoundPacket) -> None:
        self.until(packet.arrival)
        self.buffer.push(packet)
        self.until(packet.arrival)
        self.depths.append((packet.arrival, self.buffer.depth_s))

    def gaps_s(self) -> list[float]:
        """Lengths of the runs of made-up sound."""
        runs, run = [], 0
        for _, item in self.out:
            if isinstance(item, SoundGap):
                run += item.samples
            elif run:
                runs.append(run / RATE)
                run = 0
        return runs

    def held_s(self) -> list[float]:
        return [at - item.arrival for at, item in self.out if isinstance(item, SoundPacket)]


def packet(index: int, arrival: float, *, first_seq: int = 65_500, ssrc: int = 1) -> SoundPacket:
    return SoundPacket((first_seq + index) & 0xFFFF, index * SAMPLES, SAMPLES, b"x", arrival, ssrc)


def listen(network: VirtualNetwork, seconds: float = 60.0) -> Listener:
    listener = Listener()
    sent = [(index + 1) * SAMPLES / RATE for index in range(int(seconds * RATE / SAMPLES))]
    for arrival, index in network.carry(sent):
        listener.take(packet(index, arrival))
    return listener


def end_to_end(listener: Listener) -> bool:
    items = [item for _, item in listener.out]
    return all(a.timestamp + a.samples == b.timestamp for a, b in pairwise(items))


def test_a_quiet_network_costs_nothing() -> None:
    listener = listen(VirtualNetwork())
    assert max(listener.held_s()) == 0.0
    assert listener.buffer.depth_s == 0.02
    assert listener.gaps_s() == []
    assert end_to_end(listener)


@pytest.mark.parametrize(
    "network",
    [
        VirtualNetwork(loss=0.01),
        VirtualNetwork(loss=0.05),
        VirtualNetwork(loss=0.01, burst_s=0.06),
        VirtualNetwork(loss=0.01, jitter_s=0.05),
        VirtualNetwork(loss=0.02, jitter_s=0.08, duplicates=0.1),
    ],
    ids=str,
)
def test_no_gap_is_longer_than_60_ms(network: VirtualNetwork) -> None:
    listener = listen(network)
    assert max(listener.gaps_s()) <= 0.0801 if network.burst_s else 0.0601
    assert end_to_end(listener)
    # Only what was lost, or came too late even so, is made up.
    made_up = listener.buffer.gap_samples / SAMPLES
    assert made_up <= listener.buffer.lost + listener.buffer.late + 4


@pytest.mark.parametrize("network", [VirtualNetwork(jitter_s=0.1), VirtualNetwork(loss=0.05, stall_s=0.3)], ids=str)
def test_the_depth_grows_with_the_jitter_and_is_back_within_five_seconds(network: VirtualNetwork) -> None:
    network.calm_after_s = 25.0
    listener = listen(network, 40.0)
    assert max(depth for _, depth in listener.depths) > 0.08
    assert {depth for at, depth in listener.depths if at > 30.1} == {0.02}


def test_late_packets_under_steady_jitter_are_rare() -> None:
    listener = listen(VirtualNetwork(jitter_s=0.08), 120.0)
    assert listener.buffer.late < 0.01 * listener.buffer.received
    assert np.median(listener.held_s()) < 0.03


def test_a_reordered_packet_is_waited_for_and_a_duplicate_is_dropped() -> None:
    listener = Listener(SoundJitterBuffer(base_s=0.04))
    for index, arrival in [(0, 0.02), (2, 0.06), (1, 0.065), (1, 0.066), (3, 0.08)]:
        listener.take(packet(index, arrival))
    assert [item.timestamp for _, item in listener.out] == [0, 960, 1920, 2880]
    assert listener.buffer.duplicates == 1
    assert listener.buffer.lost == listener.buffer.late == 0


def test_a_late_packet_is_counted_and_not_played_twice() -> None:
    listener = Listener()
    for index, arrival in [(0, 0.02), (1, 0.04), (3, 0.08), (4, 0.1), (5, 0.12), (2, 0.121), (6, 0.14)]:
        listener.take(packet(index, arrival))
    assert [type(item) for _, item in listener.out][2] is SoundGap
    assert (listener.buffer.late, listener.buffer.lost) == (1, 0)
    assert end_to_end(listener)


def test_silence_that_is_not_sent_is_filled_and_then_ends() -> None:
    listener = Listener()
    for index in range(10):
        listener.take(packet(index, 0.02 * (index + 1)))
    # DTX: the next packet in sequence is 400 ms later; what it leaves is filled while it lasts.
    listener.take(SoundPacket(65_510, 30 * SAMPLES, SAMPLES, b"x", 0.62))
    assert end_to_end(listener)
    assert listener.buffer.lost == listener.buffer.late == 0
    listener.until(10.0)
    assert listener.buffer.next_due() is None
    assert listener.out[-1][0] < 0.62 + 1.05
    listener.take(SoundPacket(65_511, 500 * SAMPLES, SAMPLES, b"x", 10.02))
    assert listener.out[-1][1].timestamp == 500 * SAMPLES
    assert listener.buffer.lost == 0


def test_a_restart_goes_on_at_once() -> None:
    listener = Listener()
    for index in range(20):
        listener.take(packet(index, 0.02 * (index + 1)))
    for index in range(20, 40):
        listener.take(packet(index, 0.02 * (index + 1), first_seq=7, ssrc=2))
    assert listener.gaps_s() == []
    assert end_to_end(listener)
    assert len(listener.out) == 40


def test_a_flood_with_a_hole_in_it_stays_bounded() -> None:
    listener = Listener()
    listener.take(packet(0, 0.0))
    for index in range(2, 3000):
        listener.buffer.push(packet(index, 0.001))
        assert len(listener.buffer) <= 256
