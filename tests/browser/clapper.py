"""A clapper in the anchor's place: a card that is as bright as what is heard is loud, for flash and beep.

`main` is the server with such an anchor; as a process it is the anchor's own, which acts and draws as ever and then
paints over what it drew. So all is measured but what a network takes for lips.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from streamer.stages import puppet, puppeteer
from streamer.stages.moments import Answer

HZ = 48_000
CLAP_S, EVERY_S, CLAPS = 0.25, 1.0133, 12  # at another part of a picture each time
PICTURE_MS = 1000 / 30
LOUDEST_DB = -9.0  # of a tone of 0.5
HEARD = 300


class Clapper:
    """What `Puppet` answers, its pictures plain: black in silence, white where a tone of 0.5 is heard."""

    def __init__(self) -> None:
        self._puppet = puppet.Puppet()
        self._heard: deque[list[float]] = deque([[-1.0, -90.0]], HEARD)

    def take(self, message: Mapping[str, Any]) -> Answer | None:
        self._heard.extend(row[:2] for row in message.get("mouth", ()))
        answer = self._puppet.take(message)
        return replace(answer, planes=self._card(answer)) if answer and answer.planes else answer

    def _card(self, answer: Answer) -> tuple[np.ndarray, ...]:
        times, levels_db = np.array(self._heard).T
        light = min(1.0, np.interp(answer.at_s, times, 10 ** ((levels_db - LOUDEST_DB) / 10)))
        return tuple(
            np.full_like(plane, value) for plane, value in zip(answer.planes, (16 + 219 * light, 128, 128), strict=True)
        )


def claps() -> np.ndarray:
    """The sound to be shown: bursts of a tone, to be looped."""
    t = np.arange(round(CLAPS * EVERY_S * HZ)) / HZ
    return np.asarray(0.5 * np.sin(2 * math.pi * 1000 * t) * (t % EVERY_S > EVERY_S - CLAP_S), np.float32)


def flashes(log: Sequence[Mapping[str, float]]) -> np.ndarray:
    """When the picture was half bright, by when it was shown (`at`) and before (`given`), and first bright: `[3, N]`.

    Not beside a picture that is missing, by count or by stamp.
    """
    found = []
    for last, now in pairwise(log):
        follows = now["count"] == last["count"] + 1 and now["rtp"] - last["rtp"] < 1.5 * 90 * PICTURE_MS
        if last["light"] < 128 <= now["light"] and follows:
            share = (128 - last["light"]) / (now["light"] - last["light"])
            half = [last[time] + share * (now[time] - last[time]) for time in ("at", "given")]
            found.append((*half, now["at"]))
    return np.array(found).reshape(-1, 3).T


def main(argv: Sequence[str]) -> int:
    import server  # only there: a process that draws needs no networks

    puppeteer.PUPPET = "tests.browser.clapper"
    return server.main(argv)


if __name__ == "__main__":
    puppet.main(sys.stdin.buffer, sys.stdout.buffer, Clapper().take)
