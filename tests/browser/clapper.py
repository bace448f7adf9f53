"""A clapper in the anchor's place: a card that is as bright as what is heard is loud, for flash and beep.

`main` is the server with such an anchor; as a process it is the anchor's own, which acts and draws as ever and then
paints over what it drew. So all is measured but what a network takes for lips.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from streamer.stages import puppet, puppeteer
from streamer.stages.moments import Answer

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


def main(argv: Sequence[str]) -> int:
    import server  # only there: a process that draws needs no networks

    puppeteer.PUPPET = "tests.browser.clapper"
    return server.main(argv)


if __name__ == "__main__":
    puppet.main(sys.stdin.buffer, sys.stdout.buffer, Clapper().take)
