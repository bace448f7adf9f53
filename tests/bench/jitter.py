"""Sound over bad networks, in virtual time: our jitter buffer against aiortc's, the same packets to both.

For each network: how long a sound packet waits in the buffer (the median
and the 95th percentile); the longest time for which nothing came out, made-up sound counted as sound; how much of what
was sent never came out; and how long after the network has calmed down the wait is that of a quiet network again.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from streamer.transports.jitter import SoundJitterBuffer, SoundPacket
from tests.bench._table import show
from tests.network import VirtualNetwork

SAMPLES, RATE = 960, 48_000
PACKET_S = SAMPLES / RATE

Arrivals = list[tuple[float, int]]
Played = list[tuple[float, int]]  # (when it left the buffer, which packet; or MADE_UP)
MADE_UP = -1


def ours(arrivals: Arrivals) -> Played:
    buffer, played = SoundJitterBuffer(), Played()

    def until(now: float) -> None:
        while (due := buffer.next_due()) is not None and due <= now:
            items = buffer.pop_due(due)
            played.extend((due, item.seq if isinstance(item, SoundPacket) else MADE_UP) for item in items)

    for arrival, index in arrivals:
        until(arrival)
        buffer.push(SoundPacket(index, index * SAMPLES, SAMPLES, b"x", arrival))
        until(arrival)
    return played


def aiortcs(arrivals: Arrivals) -> Played:
    """As its receiver uses it: at most one frame out for each packet in."""
    buffer, played = JitterBuffer(capacity=16, prefetch=4), Played()
    for arrival, index in arrivals:
        packet = RtpPacket(sequence_number=index, timestamp=index * SAMPLES, payload=b"x")
        packet._data = b"x"  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        if frame is not None:
            played.append((arrival, frame.timestamp // SAMPLES))
    return played


def waits(played: Played, arrivals: Arrivals) -> list[tuple[float, float]]:
    """(when, how long it was in the buffer) of each packet that came out."""
    first = {index: arrival for arrival, index in reversed(arrivals)}
    return [(at, at - first[index]) for at, index in played if index != MADE_UP]


def figures(played: Played, arrivals: Arrivals, sent: list[float], calm_s: float, usual_s: float) -> list[str]:
    waited = waits(played, arrivals)
    stops = np.diff([at for at, _ in played]) - PACKET_S
    missing = 1 - len({index for _, index in played if index != MADE_UP}) / len(sent)
    unsettled = [at - calm_s for at, wait in waited if at > calm_s and wait > usual_s + 0.025]
    never = unsettled and unsettled[-1] > waited[-1][0] - calm_s - 1
    return [
        f"{1e3 * np.median([wait for _, wait in waited]):.0f}",
        f"{1e3 * np.percentile([wait for _, wait in waited], 95):.0f}",
        f"{1e3 * max(stops.max(), 0):.0f}",
        f"{100 * missing:.2f}",
        "never" if never else f"{max(unsettled, default=0.0):.1f}",
    ]


NETWORKS = {
    "quiet": VirtualNetwork(),
    "1 % lost": VirtualNetwork(loss=0.01),
    "5 % lost": VirtualNetwork(loss=0.05),
    "1 % lost, bursts of 60 ms": VirtualNetwork(loss=0.01, burst_s=0.06),
    "jitter 20 ms": VirtualNetwork(jitter_s=0.02),
    "jitter 80 ms, 1 % lost": VirtualNetwork(jitter_s=0.08, loss=0.01),
    "stalls of 300 ms": VirtualNetwork(stall_s=0.3),
}


COLUMNS = ("wait p50 ms", "wait p95 ms", "longest stop ms", "missing %", "settled after s")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="limelight bench jitter", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="of sound through each network")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(argv)
    seconds, rows = given.seconds, list[dict[str, str | float]]()
    usual: dict[str, float] = {}
    buffers: dict[str, Callable[[Arrivals], Played]] = {"ours": ours, "aiortc": aiortcs}
    for name, network in NETWORKS.items():
        network.calm_after_s = seconds - 15
        sent = [(index + 1) * PACKET_S for index in range(int(seconds / PACKET_S))]
        arrivals = network.carry(sent)
        for who, play in buffers.items():
            played = play(arrivals)
            usual.setdefault(who, float(np.median([wait for _, wait in waits(played, arrivals)])))
            found = figures(played, arrivals, sent, network.calm_after_s, usual[who])
            rows.append({"network": name, "buffer": who, **dict(zip(COLUMNS, found, strict=True))})
    show(rows, title="Sound jitter buffers on the same virtual networks", as_json=given.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
