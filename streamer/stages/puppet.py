"""The anchor as a process of its own: told what is said and felt, it answers with poses and pictures of moments.

Python draws under one lock, so what draws thirty times a second must not share it with 10 ms hops. Messages come in on
standard input, a JSON text a line; answers go out on standard output, a fixed header and then planes. `Puppet` is what
it does, without the pipes; `streamer/stages/puppeteer.py` is the other end. Knows no session.
"""

from __future__ import annotations

import json
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, BinaryIO

import numpy as np

from models.drive import MouthTrack
from models.mouth import mouth_pose
from models.prosody import beats_of_loudness, beats_of_phones
from models.rig import CHANNELS, Pose, settled
from models.tts.types import Phone
from streamer.frame import PICTURE_HZ
from streamer.stages.anchor import AnchorPicture, AnchorWanted
from streamer.stages.moments import Answer, packed

__all__ = ["Puppet", "main"]

NICENESS = 3  # live hops and packets come first where cores are short
HEARD = 300  # mouths at 100 Hz: what a voice did lately
STALE_S = 0.15  # a mouth not heard of for so long is shut
READ_EARLY_S = 0.015  # a filmed man's lips come 5 ms after those read off his voice, a vowel after silence 50
TRACKED = 60  # poses of a tracked face
LOST_S = 0.5  # a face not seen for so long leaves the anchor to themselves
BEAT_EVERY_S, BEAT_WINDOW = 0.4, 150


class Puppet:
    """`take` messages; a moment that is asked for gives an `Answer`. What each message holds is said at its method."""

    def __init__(self) -> None:
        self._wanted = AnchorWanted()
        self._picture: AnchorPicture | None = None
        self._actor = self._wanted.actor()
        self._track, self._voice = MouthTrack(), _Voice()
        self._face: deque[tuple[float, Pose]] | None = None
        self._mouth: Callable[[float], Pose] = self._track.at
        self._doing: Mapping[str, Callable[[Any], Answer | None]] = {
            "look": self._look,
            "source": self._source,
            "mouth": self._heard,
            "phones": self._phones,
            "cut": self._cut,
            "feel": self._feel,
            "face": self._tracked,
            "pose": self._pose,
            "draw": self._draw,
        }

    def take(self, message: Mapping[str, Any]) -> Answer | None:
        """Do all that a message says, in its order.

        Raises:
            ValueError, KeyError, TypeError: it makes no sense.
        """
        answer = None
        for key, value in message.items():
            answer = self._doing[key](value) or answer
        return answer

    def _look(self, wanted: Mapping[str, Any]) -> None:
        """Fields of `AnchorWanted`: another person begins to live anew, another background changes nothing else."""
        before, self._wanted = self._wanted, AnchorWanted(**wanted)
        if before.character != self._wanted.character:
            feelings, self._actor = self._actor.feelings, self._wanted.actor()
            self._actor.feelings = feelings
        self._picture = None

    def _source(self, name: str) -> None:
        """`voice`: the mouth as heard; `text`: as phones have it; `face`: all as tracked."""
        self._mouth = {"voice": self._voice.at, "text": self._track.at, "face": self._track.at}[name]
        self._face = deque(maxlen=TRACKED) if name == "face" else None

    def _heard(self, rows: list[list[float]]) -> None:
        """Of a voice, every 10 ms: time, level in dB, the values of `MOUTH`."""
        for beat_s, strength in self._voice.hear(rows):
            self._actor.life.beat(beat_s, strength)

    def _phones(self, phones: list[tuple[str, float, float]]) -> None:
        """Name, start and end on the media clock, each after the one before."""
        said = [Phone(*phone) for phone in phones]
        with suppress(ValueError):  # told again after an interruption that we have not heard of
            self._track.extend(said)
        for beat in beats_of_phones(said):
            self._actor.life.beat(beat.at_s, beat.strength)

    def _cut(self, at_s: float) -> None:
        """Nothing that is known is said from then on."""
        self._track.cut(at_s)

    def _feel(self, told: tuple[str, float]) -> None:
        """An emotion, and from when on."""
        self._actor.feelings.feel(told[0], at_s=told[1])

    def _tracked(self, rows: list[list[float]]) -> None:
        """Of a face before the camera: time and pose."""
        if self._face is not None:
            self._face.extend((row[0], np.array(row[1:], np.float32)) for row in rows)

    def _pose(self, at_s: float) -> Answer:
        seen = self._seen(at_s)
        return Answer(at_s, self._actor.pose(at_s, self._mouth(at_s)) if seen is None else settled(seen))

    def _seen(self, at_s: float) -> Pose | None:
        """The tracked face, between the pictures before and after: a camera's come at times of their own."""
        near = [(seen_s, pose) for seen_s, pose in self._face or () if abs(seen_s - at_s) < LOST_S]
        before = [each for each in near if each[0] <= at_s]
        after = [each for each in near if each[0] > at_s]
        if not before or not after:
            return before[-1][1] if before else None
        (one_s, one), (other_s, other) = before[-1], after[0]
        return one + np.float32((at_s - one_s) / (other_s - one_s)) * (other - one)

    def _draw(self, at_s: float) -> Answer:
        if self._picture is None:
            self._picture = AnchorPicture(self._wanted)
        pose = self._pose(at_s).pose
        frame, alpha = self._picture.frame_and_alpha(pose, round(at_s * PICTURE_HZ))
        planes = frame.y, frame.u, frame.v
        return Answer(at_s, pose, (*planes, alpha) if self._wanted.clear else planes)


class _Voice:
    """The mouth of somebody who is heard, at any moment of the last seconds."""

    def __init__(self) -> None:
        self._rows: deque[list[float]] = deque(maxlen=HEARD)
        self._weighed_s = 0.0

    def hear(self, rows: list[list[float]]) -> list[tuple[float, float]]:
        """More rows; the stressed moments that have become known by them."""
        if self._rows and rows and rows[0][0] < self._rows[-1][0]:
            self._rows.clear()  # somebody else speaks
        self._rows.extend(rows)
        if not rows or rows[-1][0] - self._weighed_s < BEAT_EVERY_S or len(self._rows) < BEAT_WINDOW:
            return []
        since, self._weighed_s = self._weighed_s, rows[-1][0]
        lately = list(self._rows)[-BEAT_WINDOW:]
        beats = beats_of_loudness(np.array([row[1] for row in lately], np.float32))
        # A beat is sure once what follows it has been heard; the nod comes that much late, which is how people nod.
        found = [(lately[0][0] + beat.at_s, beat.strength) for beat in beats]
        return [(at_s + BEAT_EVERY_S, strength) for at_s, strength in found if since - 0.2 <= at_s < rows[-1][0] - 0.2]

    def at(self, at_s: float) -> Pose:
        """The mouth at `at_s`, between two that were heard; at rest where nothing was."""
        times = [row[0] + READ_EARLY_S for row in self._rows]
        after = int(np.searchsorted(times, at_s))
        if not after or at_s - times[after - 1] > STALE_S:
            return np.zeros(len(CHANNELS), np.float32)
        one, other = self._rows[after - 1], self._rows[min(after, len(times) - 1)]
        share = min(1.0, (at_s - READ_EARLY_S - one[0]) / max(1e-6, other[0] - one[0]))
        values = np.array(one[2:], np.float32) * (1 - share) + np.array(other[2:], np.float32) * share
        return settled(mouth_pose(values))


def main(given: BinaryIO, made: BinaryIO, take: Callable[[Mapping[str, Any]], Answer | None]) -> None:
    """Answer as `take` does, until the other end goes away."""
    with suppress(OSError):
        os.nice(NICENESS)
    with suppress(BrokenPipeError):
        for line in given:
            answer = take(json.loads(line))
            if answer is not None:
                made.write(packed(answer))
                made.flush()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer, Puppet().take)
