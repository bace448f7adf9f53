"""Captions: sound around speech through a recogniser, in segments, as text that is committed and text that may change.

`Captioner` is the core, which hops are given to one after the other, live and from a file alike: the same hops give
the same captions. Nothing is heard outside of speech, and no word is let through that is not both believed and spoken.
Knows no network and no door.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

import numpy as np

from streamer.frame import HOP, SOUND_HZ, AudioFrame, Sound
from streamer.rechunk import remix
from streamer.stages.gate import Gate, Stretch
from streamer.stages.recognise import Caption, Heard, Narrowing, Pace, Recogniser, TimedWord
from streamer.stages.segment import CaptionRules, Segment

__all__ = ["Captioner"]

WOBBLE = SOUND_HZ // 25  # samples by which labels of unbroken sound may stray before it counts as a gap
BRIDGED = SOUND_HZ  # a hole up to so long is heard as silence: dropped sound must not end a segment amid a sentence

log = logging.getLogger(__name__)


class Captioner:
    """One stream of sound. `now_s`: the time now on its clock, for the lag; None where nobody waits (a file).
    `failed` is called when the recogniser fails.

    `failures` counts chunks that the recogniser failed on; `revised`, tail words that were shown and then changed;
    `left_out`, hops that came too late.
    """

    def __init__(
        self,
        recogniser: Recogniser,
        *,
        rules: CaptionRules | None = None,
        now_s: Callable[[], float] | None = None,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self.failures = self.revised = self.left_out = 0
        self.lag_s = 0.0
        self._recogniser, self._rules = recogniser, rules or CaptionRules()
        self._now_s, self._failed = now_s, failed
        self._gate = Gate()
        self._segment: Segment | None = None
        self._number = 0
        self._next_pts: int | None = None
        self._skipped = self._failing = self._late = False

    @property
    def pace(self) -> Pace:
        return Pace.BEHIND if self.lag_s > self._rules.behind_s else Pace.LIVE

    async def hear(self, hop: AudioFrame, probability: float) -> list[Caption]:
        """One hop of sound and how likely it is speech; what changed on the screen, oldest first."""
        if self._too_late(hop):
            return await self.end()
        lost = self._lost(hop)
        captions = await self.end() if lost is None else []
        self._next_pts = hop.end
        for later in reversed(range(lost or 0)):
            self._let(np.zeros((1, HOP), np.float32), probability, end=hop.pts - later * HOP)
        self._let(remix(hop.samples, 1), probability, end=hop.end)
        return captions + await self._advance()

    def _let(self, sound: Sound, probability: float, *, end: int) -> None:
        """A hop that ends at `end`, through the gate into the segment."""
        for each, likely in (let := self._gate.push(sound, probability)):
            if self._segment is None:
                self._segment = Segment(Stretch(end - len(let) * HOP))
            self._segment.sound.add(each, likely)

    async def end(self) -> list[Caption]:
        """No sound follows, or other sound: the segment is over."""
        self._next_pts = None
        captions = await self._finish()
        self._gate.close()
        return captions

    def skip(self) -> None:
        """Some sound was left out, because there was more than could be heard in time."""
        self._skipped = True

    def close(self) -> None:
        self._recogniser.close()

    def _too_late(self, hop: AudioFrame) -> bool:
        late_s = 0.0 if self._now_s is None else self._now_s() - hop.end / SOUND_HZ
        self._late = late_s > (self._rules.behind_s if self._late else self._rules.latest_s)
        if self._late:
            self.lag_s = late_s
            self.left_out += 1
            self.skip()
        return self._late

    def _lost(self, hop: AudioFrame) -> int | None:
        """How many hops are lost before this one; None where it does not go on from what was heard."""
        expected = self._segment.sound.end if self._segment is not None else self._next_pts
        hole = 0 if expected is None else hop.pts - expected
        if abs(hole) <= WOBBLE:  # labels wobble with the clock's estimate while the sound goes on
            return 0
        # Silence in place of what was left out here to catch up would take as long to hear.
        return round(hole / HOP) if 0 < hole <= BRIDGED and not self._skipped else None

    async def _advance(self) -> list[Caption]:
        captions: list[Caption] = []
        size = self._recogniser.chunk_samples
        while (segment := self._segment) is not None:
            if segment.sound.end - segment.fed >= size:
                captions += await self._feed(segment, size)
            elif self._over(segment):
                captions += await self._finish()
                self._gate.close()
            elif self._wordless(segment):
                captions += await self._cut(segment, segment.fed / SOUND_HZ)
            elif segment.length_s >= self._rules.longest_s:
                captions += await self._cut(segment, segment.boundary_s(self._rules.long_s))
            else:
                break
        return captions

    def _over(self, segment: Segment) -> bool:
        rules, quiet_ms = self._rules, self._gate.quiet_ms
        if segment.length_s >= rules.long_s and quiet_ms >= rules.breath_ms:
            return True
        return quiet_ms >= (rules.settled_ms if segment.settled else rules.pause_ms)

    def _wordless(self, segment: Segment) -> bool:
        since_s = segment.heard.words[-1].end_s if segment.heard.words else segment.sound.pts / SOUND_HZ
        return segment.fed / SOUND_HZ - since_s > self._rules.wordless_s

    async def _feed(self, segment: Segment, size: int) -> list[Caption]:
        chunk, pts = segment.sound.sound(segment.fed, size), segment.fed
        segment.fed += size
        if isinstance(self._recogniser, Narrowing):
            self._recogniser.narrow(self._measured_lag(segment))
        try:
            async with asyncio.timeout(self._rules.patience_s):
                heard = await self._recogniser.hear(chunk, pts=pts)
        except Exception as error:
            return await self._give_up(error)
        self._failing = False
        return self._told(segment, heard)

    async def _finish(self) -> list[Caption]:
        """The segment's last words."""
        segment, self._segment = self._segment, None
        if segment is None:
            return []
        try:
            async with asyncio.timeout(self._rules.patience_s):
                if segment.fed < segment.sound.end:
                    last = segment.sound.sound(segment.fed, self._recogniser.chunk_samples)
                    await self._recogniser.hear(last, pts=segment.fed)
                heard = await self._recogniser.finish()
        except Exception as error:
            self._segment = segment
            return await self._give_up(error)
        return self._last(segment, heard.words)

    async def _cut(self, segment: Segment, cut_s: float) -> list[Caption]:
        """End a segment while somebody goes on speaking; the next begins with what follows `cut_s`."""
        captions = await self._finish_before(segment, cut_s)
        if self._segment is segment:  # it did not fail
            self._segment = Segment(segment.sound.after(int(cut_s * SOUND_HZ)))
        return captions

    async def _finish_before(self, segment: Segment, cut_s: float) -> list[Caption]:
        try:
            async with asyncio.timeout(self._rules.patience_s):
                heard = await self._recogniser.finish()
        except Exception as error:
            return await self._give_up(error)
        words = heard.words[: segment.done] + tuple(
            word for word in heard.words[segment.done :] if (word.start_s + word.end_s) / 2 < cut_s
        )
        return self._last(segment, words)

    async def _give_up(self, error: Exception) -> list[Caption]:
        """Forget the segment, but for what is committed; a recogniser that goes on failing is told of once."""
        self.failures += 1
        self._failed()
        if not self._failing:
            log.error("captions: the recogniser failed, this segment ends", exc_info=error)
        self._failing = True
        segment, self._segment = self._segment, None
        self._gate.close()
        try:
            async with asyncio.timeout(self._rules.patience_s):
                await self._recogniser.finish()
        except Exception:
            log.debug("captions: the recogniser failed to start again", exc_info=True)
        return self._last(segment, ()) if segment is not None else []

    def _told(self, segment: Segment, heard: Heard) -> list[Caption]:
        before = segment.tail
        fresh = segment.take(heard, self._rules)
        self.lag_s = self._measured_lag(segment)
        now = [word.text for word in (*fresh, *segment.tail)]
        self.revised += sum(a.text != b for a, b in zip(before, now, strict=False)) + max(0, len(before) - len(now))
        # Behind, only what is certain is worth telling.
        if not fresh and (self.pace is Pace.BEHIND or segment.tail == before):
            return []
        return [self._caption(segment, fresh, final=False)]

    def _last(self, segment: Segment, words: Sequence[TimedWord]) -> list[Caption]:
        fresh = segment.take(Heard(tuple(words), len(words)), self._rules)
        self.lag_s = self._measured_lag(segment)
        return [self._caption(segment, fresh, final=True)] if fresh or segment.number else []

    def _caption(self, segment: Segment, fresh: Sequence[TimedWord], *, final: bool) -> Caption:
        pace, self._skipped = (Pace.SKIPPED if self._skipped else self.pace), False
        if not segment.number:  # what nobody sees is not counted
            self._number += 1
            segment.number = self._number
        start_s = segment.sound.pts / SOUND_HZ
        return Caption(segment.number, tuple(fresh), segment.tail, final, start_s, self.lag_s, pace)

    def _measured_lag(self, segment: Segment) -> float:
        heard_s = min(segment.fed, segment.sound.end) / SOUND_HZ
        return 0.0 if self._now_s is None else max(0.0, self._now_s() - heard_s)
