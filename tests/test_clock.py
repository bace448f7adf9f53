"""The clocks, in simulated time: two drifting tracks of one publisher, over a network that only ever delays."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest

from streamer.clock import (
    PICTURE_SLEW,
    LowestLately,
    MediaClock,
    OutputClock,
    Pacer,
    PublisherClock,
    TrackClock,
    Unwrapper,
)

SOUND, PICTURE = 48_000, 90_000
WRAP = 1 << 32


@dataclass
class Source:
    """One track: media time runs at `1 + ppm` of the publisher's NTP time; reports are exact to `report_noise_s`."""

    rate: int
    every_s: float
    ppm: float = 0.0
    origin: int = 0
    delay_s: float = 0.0
    ssrc: int = 1
    report_every_s: float = 1.0
    report_noise_s: float = 0.0005

    def timestamp(self, at: float) -> int:
        return (self.origin + round(at * (1 + self.ppm * 1e-6) * self.rate)) % WRAP


@dataclass
class Network:
    base_s: float = 0.03
    jitter_s: float = 0.02
    random: random.Random = field(default_factory=lambda: random.Random(7))

    def delay(self) -> float:
        return self.base_s + self.random.expovariate(1 / self.jitter_s) if self.jitter_s else self.base_s


NTP = 3_900_000_000.0


@dataclass
class Run:
    """Feeds a track and notes, for every frame, how far session time is from the true time of capture."""

    source: Source
    clock: TrackClock
    network: Network
    wall_ppm: float = 0.0
    errors: list[tuple[float, float]] = field(default_factory=list)
    _reported: float = 0.0

    def frames(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        at, last = start, 0.0
        while at < end:
            last = max(last, at + self.source.delay_s + self.network.delay())  # one path: nothing overtakes
            yield last, at
            at += self.source.every_s

    def feed(self, arrival: float, at: float) -> None:
        source = self.source
        extended = self.clock.arrived(source.timestamp(at), arrival, source.ssrc)
        if at - self._reported > source.report_every_s:
            self._reported = at
            ntp = NTP + at * (1 + self.wall_ppm * 1e-6) + self.network.random.gauss(0, source.report_noise_s)
            self.clock.report(round(ntp * WRAP), source.timestamp(at))
        self.errors.append((at, self.clock.seconds(extended) - at))


def play(*spans: tuple[Run, float, float]) -> None:
    events = sorted((arrival, at, i) for i, (run, *span) in enumerate(spans) for arrival, at in run.frames(*span))
    for arrival, at, i in events:
        spans[i][0].feed(arrival, at)


def skews(sound: Run, picture: Run, after: float) -> list[float]:
    """Picture minus sound, at the pictures' times."""
    heard = {round(at, 1): error for at, error in sound.errors}
    return [error - heard[round(at, 1)] for at, error in picture.errors if at > after and round(at, 1) in heard]


def pair(
    *, network: Network | None = None, wall_ppm: float = 0.0, sound_ppm: float = 0.0, picture_ppm: float = 0.0
) -> tuple[Run, Run]:
    publisher = PublisherClock(MediaClock(0.0))
    network = network or Network()
    sound = Source(SOUND, 0.02, sound_ppm, origin=WRAP - 48_000 * 100)
    image = Source(PICTURE, 1 / 30, picture_ppm, origin=WRAP - 90_000 * 55, delay_s=0.06, ssrc=2)
    return (
        Run(sound, publisher.track(SOUND), network, wall_ppm),
        Run(image, publisher.track(PICTURE, slew=PICTURE_SLEW), network, wall_ppm),
    )


def never_backwards(run: Run) -> bool:
    times = [at + error for at, error in run.errors]
    return all(b >= a for a, b in pairwise(times))


@pytest.mark.parametrize(("sound_ppm", "picture_ppm", "wall_ppm"), [(200, -200, 0), (-200, 200, 100)])
def test_twelve_minutes_of_drift_keep_sound_and_picture_together(
    sound_ppm: float, picture_ppm: float, wall_ppm: float
) -> None:
    sound, picture = pair(sound_ppm=sound_ppm, picture_ppm=picture_ppm, wall_ppm=wall_ppm)
    play((sound, 0, 720), (picture, 0, 720))
    assert max(map(abs, skews(sound, picture, after=8.0))) < 0.002
    assert never_backwards(sound)
    assert never_backwards(picture)
    # Session time stays the arrival of an undelayed packet, and changes its pace imperceptibly.
    assert sound.errors[-1][1] == pytest.approx(0.03, abs=0.002)
    settled = [error for at, error in sound.errors if at > 20]
    assert max(abs(b - a) for a, b in pairwise(settled)) < 0.02 * 0.0065


def test_rare_and_rough_reports_are_enough() -> None:
    sound, picture = pair(network=Network(jitter_s=0.05), sound_ppm=100, picture_ppm=-100)
    sound.source.report_every_s, sound.source.report_noise_s = 5.0, 0.002
    play((sound, 0, 180), (picture, 0, 180))
    assert max(map(abs, skews(sound, picture, after=40.0))) < 0.004


def test_without_reports_the_arrival_decides() -> None:
    sound, _ = pair()
    sound.source.report_every_s = 1e9
    play((sound, 0, 30))
    assert not sound.clock.aligned
    assert sound.errors[-1][1] == pytest.approx(0.03, abs=0.003)


def test_a_late_track_joins_the_others() -> None:
    sound, picture = pair()
    play((sound, 0, 60), (picture, 30.0, 60))
    assert max(map(abs, skews(sound, picture, after=36.0))) < 0.002


@pytest.mark.parametrize("away_s", [0.0, 0.4, 20.0])
def test_a_restarted_track_is_in_step_at_once(away_s: float) -> None:
    sound, picture = pair()
    play((sound, 0, 30), (picture, 0, 30))
    again = Run(replace(sound.source, ssrc=77, origin=12345), sound.clock, sound.network)
    start = 30 + away_s
    play((again, start, start + 20), (picture, 30, start + 20))
    assert sound.clock.restarts == 1
    merged = Run(sound.source, sound.clock, sound.network, errors=sound.errors + again.errors)
    assert never_backwards(merged)
    # The first moments rest on arrivals: as good as the network; then the first report settles it.
    assert max(map(abs, skews(again, picture, after=start))) < 0.15
    assert max(map(abs, skews(again, picture, after=start + 12))) < 0.002


@pytest.mark.parametrize("away_s", [2.0, 12.0])
def test_a_muted_track_whose_time_went_on_is_not_a_restart(away_s: float) -> None:
    sound, picture = pair()
    play((sound, 0, 30), (picture, 0, 30 + away_s))
    play((sound, 30 + away_s, 50 + away_s), (picture, 30 + away_s, 50 + away_s))
    assert sound.clock.restarts == 0
    assert max(map(abs, skews(sound, picture, after=30 + away_s))) < 0.002


@pytest.mark.parametrize("away_s", [3.0, 12.0])
def test_a_paused_track_whose_time_stood_still_is_moved_on(away_s: float) -> None:
    sound, picture = pair()
    play((sound, 0, 30), (picture, 0, 30 + away_s))
    stood = replace(sound.source, origin=sound.source.origin - round(away_s * SOUND))
    again = Run(stood, sound.clock, sound.network)
    play((again, 30 + away_s, 60 + away_s), (picture, 30 + away_s, 60 + away_s))
    assert max(map(abs, skews(again, picture, after=45 + away_s))) < 0.002
    assert never_backwards(again)


def test_a_wrap_a_reordered_packet_and_a_restart_are_told_apart() -> None:
    line = Unwrapper(SOUND)
    assert line.unwrap(WRAP - 960, 0.00) == WRAP - 960
    assert line.unwrap(960, 0.04) == WRAP + 960
    assert line.unwrap(0, 0.05) == WRAP
    assert line.restarts == 0
    assert line.unwrap(5_000_000, 0.06) == WRAP + 960 + 960
    assert line.unwrap(5_000_960, 0.08) == WRAP + 3 * 960
    assert line.restarts == 1
    assert line.unwrap(5_001_920, 0.10, ssrc=9) == WRAP + 4 * 960
    assert line.restarts == 2
    assert line.unwrap(4_000_000, 0.12, ssrc=9) == WRAP + 5 * 960
    assert line.restarts == 3


def test_the_lowest_of_late_is_forgotten_in_time() -> None:
    lowest = LowestLately(1.0)
    assert [lowest.push(value, at) for at, value in [(0, 5), (0.5, 3), (0.9, 4), (1.4, 6), (1.6, 6), (2.0, 9)]] == [
        *(5, 3, 3, 3, 4, 6),
    ]


def test_a_sender_report_ties_rtp_time_to_capture() -> None:
    out = OutputClock(MediaClock(100.0), wall=1_700_000_000.0)
    ntp, pts = out.reference(101.5, SOUND)
    assert pts == 72_000
    assert ntp / WRAP == pytest.approx(1_700_000_001.5 + 2_208_988_800, abs=1e-5)


def test_the_pacer_keeps_real_time_and_starts_anew_after_a_stall() -> None:
    pacer = Pacer(SOUND)
    assert pacer.due(10.0) == 10.0
    pacer.sent(4800)
    assert pacer.due(10.05) == pytest.approx(10.1)
    assert pacer.due(10.25) == pytest.approx(10.1)
    assert pacer.due(11.0) == 11.0
    assert Pacer(SOUND, lead_s=0.4).due(10.0) == pytest.approx(9.6)
