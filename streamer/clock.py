"""Time: the session's media clock, where a publisher's RTP time falls on it, and when made-up media is due.

Pure: every function is given the time (`now`, `arrival`: monotonic seconds). Knows nothing of sockets or codecs.
A publisher's tracks count samples from random origins, on clocks that drift. RTCP sender reports (RFC 3550, 6.4.1)
say which RTP time belongs to which instant of the publisher's one NTP clock, so two tracks are aligned through their
reports exactly; only the step from that NTP clock to ours has to be guessed from arrivals, and it is shared.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

__all__ = ["LowestLately", "MediaClock", "OutputClock", "Pacer", "PublisherClock", "TrackClock", "Unwrapper"]

SOUND_SLEW = 0.005  # 9 cents: below what is heard as a change of pitch
PICTURE_SLEW = 0.1  # 3 ms a frame: below what is seen
OFFSET_SLEW = 0.002
# At the beginning nobody has settled in yet: first guesses, from packets that waited for a handshake, are mended fast.
SETTLING_S, SETTLING_SLEW = 2.0, 0.5
STEP_S = 0.5  # a larger error than this is a jump of the source, not something to creep towards
OUTLIER_S = 0.1  # a report this far from the others says that the track was paused or its clock was set
REPORTS = 64
# Ridge of the drift fit, (report noise / expected drift)²: two reports a second apart say nothing about drift.
FIT_RIDGE_S2 = (1e-3 / 1e-4) ** 2
DRIFT_LIMIT = 1e-3


class MediaClock:
    """The session's clock: zero at `start` (monotonic seconds)."""

    def __init__(self, start: float) -> None:
        self.start = start

    def seconds(self, now: float) -> float:
        return now - self.start

    def pts(self, now: float, rate: int) -> int:
        return round(self.seconds(now) * rate)


class LowestLately:
    """The lowest value pushed during the last `span` seconds."""

    def __init__(self, span: float) -> None:
        self._span = span
        self._rising: deque[tuple[float, float]] = deque()

    def push(self, value: float, now: float) -> float:
        rising = self._rising
        while rising and rising[-1][1] >= value:
            rising.pop()
        rising.append((now, value))
        while rising[0][0] < now - self._span:
            rising.popleft()
        return rising[0][1]

    def clear(self) -> None:
        self._rising.clear()


class Unwrapper:
    """32-bit RTP timestamps to a time line without wraps, jumps or restarts.

    A wrap goes forward; a packet a little older than the newest was reordered. A timestamp that moved by something
    else than the time that passed (`AHEAD_S`, `BEHIND_S`), or a new SSRC, is a restart: the line goes on from the
    newest value by the time that passed, and `restarts` counts it.
    """

    AHEAD_S, BEHIND_S = 2.0, 5.0

    def __init__(self, rate: int) -> None:
        self.rate, self.restarts = rate, 0
        self._shift = 0  # extended − wire
        self._newest: int | None = None
        self._arrival = 0.0
        self._ssrc: int | None = None

    def unwrap(self, timestamp: int, arrival: float, ssrc: int = 0) -> int:
        """The extended time of a packet that arrives now."""
        if self._newest is None:
            self._newest, self._arrival, self._ssrc = timestamp, arrival, ssrc
            return timestamp
        extended = self.near(timestamp)
        moved, passed = (extended - self._newest) / self.rate, arrival - self._arrival
        if ssrc != self._ssrc or not -min(self.AHEAD_S, self.BEHIND_S) < moved or not self._plausible(moved - passed):
            extended = self._restart(timestamp, passed)
            self._ssrc = ssrc
        if extended >= self._newest:
            self._newest, self._arrival = extended, arrival
        return extended

    def near(self, timestamp: int) -> int:
        """The extended time nearest to the newest packet: for reports, which arrive on their own."""
        if self._newest is None:
            return timestamp
        reference = self._newest - self._shift
        return self._newest + ((timestamp - reference + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)

    def _plausible(self, slip: float) -> bool:
        return -self.BEHIND_S < slip < self.AHEAD_S

    def _restart(self, timestamp: int, passed: float) -> int:
        assert self._newest is not None
        self.restarts += 1
        extended = self._newest + max(1, round(passed * self.rate))
        self._shift = extended - timestamp
        return extended


@dataclass(frozen=True, slots=True)
class _Line:
    """`ntp = at_ntp + (1 + drift) · (media − at_media)`, all in seconds."""

    at_media: float
    at_ntp: float
    drift: float

    def ntp(self, media: float) -> float:
        return self.at_ntp + (1.0 + self.drift) * (media - self.at_media)

    @staticmethod
    def fit(points: deque[tuple[float, float]]) -> _Line:
        media = sum(x for x, _ in points) / len(points)
        ntp = sum(y for _, y in points) / len(points)
        spread = sum((x - media) ** 2 for x, _ in points) + FIT_RIDGE_S2
        slope = sum((x - media) * ((y - ntp) - (x - media)) for x, y in points) / spread
        return _Line(media, ntp, min(max(slope, -DRIFT_LIMIT), DRIFT_LIMIT))


class PublisherClock:
    """One publisher's NTP clock against ours: the least (arrival − NTP) of the last ten seconds, shared by its tracks.

    The least, because a network only ever adds delay; so jitter does not move it. It creeps at `OFFSET_SLEW`.
    """

    def __init__(self, session: MediaClock) -> None:
        self.session = session
        self._least = LowestLately(10.0)
        self._offset: float | None = None
        self._first = self._seen = 0.0

    def track(self, rate: int, *, slew: float = SOUND_SLEW) -> TrackClock:
        """The clock of one of the publisher's tracks; corrections change its rate by at most `slew`."""
        return TrackClock(self, rate, slew=slew)

    @property
    def offset(self) -> float | None:
        """Session time minus NTP time, seconds; None before any track has had a report."""
        return self._offset

    def observe(self, ntp: float, arrival: float) -> None:
        """Something captured at `ntp` arrived."""
        target = self._least.push(self.session.seconds(arrival) - ntp, arrival)
        if self._offset is None:
            self._first = arrival
        if self._offset is None or arrival < self._first + SETTLING_S or abs(target - self._offset) > STEP_S:
            self._offset = target
        else:
            most = OFFSET_SLEW * max(arrival - self._seen, 0.0)
            self._offset += min(max(target - self._offset, -most), most)
        self._seen = arrival

    def forget(self) -> None:
        """The NTP clock was set, or a track stood still: old arrivals say nothing any more."""
        self._least.clear()


class TrackClock:
    """RTP time of one track → session time; never backwards.

    Call `arrived` for every packet, `report` for every sender report, and `pts` once for every frame, in order.
    """

    def __init__(self, publisher: PublisherClock, rate: int, *, slew: float = SOUND_SLEW) -> None:
        self.rate = rate
        self._publisher, self._slew = publisher, slew
        self._unwrapper = Unwrapper(rate)
        self._restarts = 0
        self._least = LowestLately(4.0)
        self._transit = 0.0
        self._reports: deque[tuple[float, float]] = deque(maxlen=REPORTS)
        self._line: _Line | None = None
        self._last: tuple[float, float] | None = None  # (media, session) of the last frame
        self._settled = 0.0

    @property
    def aligned(self) -> bool:
        """Whether a sender report ties this track to its publisher's other tracks."""
        return self._line is not None

    @property
    def restarts(self) -> int:
        return self._unwrapper.restarts

    @property
    def drift_ppm(self) -> float:
        """How much faster than nominal NTP time passes per unit of media time."""
        return 1e6 * self._line.drift if self._line else 0.0

    def arrived(self, timestamp: int, arrival: float, ssrc: int = 0) -> int:
        """Note a packet; returns its timestamp on a line that neither wraps nor restarts."""
        extended = self._unwrapper.unwrap(timestamp, arrival, ssrc)
        if self._unwrapper.restarts != self._restarts:
            # The old line still fits to within the network's jitter: the unwrapper went on by the time that passed.
            self._restarts = self._unwrapper.restarts
            self._reports.clear()
        media = extended / self.rate
        if self._line:
            self._publisher.observe(self._line.ntp(media), arrival)
        else:
            self._transit = self._least.push(self._publisher.session.seconds(arrival) - media, arrival)
        return extended

    def report(self, ntp: int, timestamp: int) -> None:
        """Note a sender report: the 64-bit NTP time and the RTP time of the same instant."""
        if ntp == 0:  # RFC 3550: a sender that knows no wall clock, or that has sent nothing yet
            return
        point = (self._unwrapper.near(timestamp) / self.rate, ntp / (1 << 32))
        if self._line and self._reports and abs(self._line.ntp(point[0]) - point[1]) > OUTLIER_S:
            self._reports.clear()
            self._publisher.forget()
        self._reports.append(point)
        self._line = _Line.fit(self._reports)

    def pts(self, extended: int) -> int:
        """Session pts, at the track's rate, of a frame whose extended RTP time this is."""
        return round(self.seconds(extended) * self.rate)

    def seconds(self, extended: int) -> float:
        """Session time in seconds of a frame whose extended RTP time this is."""
        media = extended / self.rate
        target = self._target(media)
        if self._last is None:
            self._last, self._settled = (media, target), media + SETTLING_S
            return target
        step = max(media - self._last[0], 0.0)
        straight = self._last[1] + step
        most = (self._slew if media > self._settled else SETTLING_SLEW) * step
        creep = straight + min(max(target - straight, -most), most)
        session = creep if abs(target - straight) <= STEP_S else max(target, self._last[1])
        self._last = (max(media, self._last[0]), session)
        return session

    def _target(self, media: float) -> float:
        offset = self._publisher.offset
        if self._line is None or offset is None:
            return media + self._transit
        return self._line.ntp(media) + offset


class OutputClock:
    """The other direction: what our sender reports say, so that RTP time means capture time on the session clock.

    `wall` is the Unix time at which the session clock was zero.
    """

    NTP_EPOCH_S = 2_208_988_800  # 1900 → 1970

    def __init__(self, session: MediaClock, wall: float) -> None:
        self.session = session
        self._wall = wall

    def reference(self, now: float, rate: int) -> tuple[int, int]:
        """(64-bit NTP time, pts at `rate`) of the instant `now`."""
        seconds = self.session.seconds(now)
        return int((self._wall + self.NTP_EPOCH_S + seconds) * (1 << 32)), round(seconds * rate)


class Pacer:
    """When made-up or recorded sound is due: `lead_s` ahead of real time, started anew after a stall."""

    def __init__(self, rate: int, *, lead_s: float = 0.0, stall_s: float = 0.2) -> None:
        self.rate, self.lead_s, self.stall_s = rate, lead_s, stall_s
        self._start: float | None = None
        self._sent = 0

    def due(self, now: float) -> float:
        """Monotonic time at which the next samples may go; never more than `stall_s` in the past."""
        at = now if self._start is None else self._start + self._sent / self.rate
        if self._start is None or at < now - self.stall_s:
            self._start, self._sent, at = now, 0, now
        return at - self.lead_s

    def sent(self, samples: int) -> None:
        """`samples` have gone."""
        self._sent += samples
