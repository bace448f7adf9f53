"""What a session tells of itself five times a second, while anybody listens: the `stats` event (docs/protocol.md)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from streamer.frame import SOUND_HZ, Event

if TYPE_CHECKING:
    from streamer.session import Session

__all__ = ["stats_of", "tell"]

STATS_S = 0.2


async def tell(session: Session) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(STATS_S)
        if len(session.events):
            session.events.publish(Event("stats", stats_of(session)))


def stats_of(session: Session) -> dict[str, Any]:
    delays_ms = {stage.name: stage.delay / SOUND_HZ * 1000 for stage in session.path.stages}
    return {
        "time_s": round(session.time_s, 3),
        "speech": round(session.speech.probability, 3),
        "speaking": session.speech.speaking,
        "publishers": int(session.publisher is not None),
        "viewers": session.viewers,
        "captions": session.programme.stats(),
        "voice": session.talk.stats(),
        "anchor": session.anchor.stats(),
        **session.report.stats(session.now(), delays_ms),
    }
