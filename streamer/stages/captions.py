"""Captions: sound around speech through a recogniser, in segments, as text that is committed and text that may change.

`Captioner` is the core, which hops are given to one after the other, live and from a file alike: the same hops give
the same captions. Nothing is heard outside of speech, and no word is let through that is not both believed and spoken.
Knows no network and no door.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamer.frame import HOP, SOUND_HZ, AudioFrame, Sound
from streamer.rechunk import remix
from streamer.stages.gate import Gate, Stretch
from streamer.stages.recognise import Caption, Heard, Narrowing, Pace, Recogniser, TimedWord

__all__ = ["CaptionRules", "Captioner"]

WOBBLE = SOUND_HZ // 25  # samples by which labels of unbroken sound may stray before it counts as a gap
BRIDGED = SOUND_HZ  # a hole up to so long is heard as silence: dropped sound must not end a segment amid a sentence
SHORTEST_S = 0.15  # of a word cut short: less speech than half of that is none

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CaptionRules:
    """When a segment ends, and which words are believed.

    A pause ends it after `pause_ms`, or `settled_ms` where no word is open any more; one that lasts `long_s` already,
    at a breath of `breath_ms`; one of `longest_s` is cut between two words. `wordless_s`: the voice detector hears
    somebody and the recogniser nothing new. `least_confidence` and `least_voiced`: of a word, 0…1; `surely_voiced` and
    `surely_confident`: of one word in a segment. Sound later than `latest_s` is left out until what comes is later than
    `behind_s` no more, so that lag is bounded and what is heard hangs together.
    """

    pause_ms: int = 700
    settled_ms: int = 450
    breath_ms: int = 150
    long_s: float = 12.0
    longest_s: float = 20.0
    wordless_s: float = 3.0
    least_confidence: float = 0.2
    least_voiced: float = 0.4
    surely_voiced: float = 0.8
    surely_confident: float = 0.5
    behind_s: float = 1.5
    latest_s: float = 6.0
    patience_s: float = 10.0


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
        self._segment: _Segment | None = None
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
                self._segment = _Segment(Stretch(end - len(let) * HOP))
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

    def _over(self, segment: _Segment) -> bool:
        rules, quiet_ms = self._rules, self._gate.quiet_ms
        if segment.length_s >= rules.long_s and quiet_ms >= rules.breath_ms:
            return True
        return quiet_ms >= (rules.settled_ms if segment.settled else rules.pause_ms)

    def _wordless(self, segment: _Segment) -> bool:
        since_s = segment.heard.words[-1].end_s if segment.heard.words else segment.sound.pts / SOUND_HZ
        return segment.fed / SOUND_HZ - since_s > self._rules.wordless_s

    async def _feed(self, segment: _Segment, size: int) -> list[Caption]:
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

    async def _cut(self, segment: _Segment, cut_s: float) -> list[Caption]:
        """End a segment while somebody goes on speaking; the next begins with what follows `cut_s`."""
        captions = await self._finish_before(segment, cut_s)
        if self._segment is segment:  # it did not fail
            self._segment = _Segment(segment.sound.after(int(cut_s * SOUND_HZ)))
        return captions

    async def _finish_before(self, segment: _Segment, cut_s: float) -> list[Caption]:
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

    def _told(self, segment: _Segment, heard: Heard) -> list[Caption]:
        before = segment.tail
        fresh = segment.take(heard, self._rules)
        self.lag_s = self._measured_lag(segment)
        now = [word.text for word in (*fresh, *segment.tail)]
        self.revised += sum(a.text != b for a, b in zip(before, now, strict=False)) + max(0, len(before) - len(now))
        # Behind, only what is certain is worth telling.
        if not fresh and (self.pace is Pace.BEHIND or segment.tail == before):
            return []
        return [self._caption(segment, fresh, final=False)]

    def _last(self, segment: _Segment, words: Sequence[TimedWord]) -> list[Caption]:
        fresh = segment.take(Heard(tuple(words), len(words)), self._rules)
        self.lag_s = self._measured_lag(segment)
        return [self._caption(segment, fresh, final=True)] if fresh or segment.number else []

    def _caption(self, segment: _Segment, fresh: Sequence[TimedWord], *, final: bool) -> Caption:
        pace, self._skipped = (Pace.SKIPPED if self._skipped else self.pace), False
        if not segment.number:  # what nobody sees is not counted
            self._number += 1
            segment.number = self._number
        start_s = segment.sound.pts / SOUND_HZ
        return Caption(segment.number, tuple(fresh), segment.tail, final, start_s, self.lag_s, pace)

    def _measured_lag(self, segment: _Segment) -> float:
        heard_s = min(segment.fed, segment.sound.end) / SOUND_HZ
        return 0.0 if self._now_s is None else max(0.0, self._now_s() - heard_s)


class _Segment:
    """What is known of the segment that is being spoken: `done` words are committed, `fed` is where to go on.

    `number` is 0 until something of it is shown; `is_speech`: one of its words surely is.
    """

    def __init__(self, sound: Stretch) -> None:
        self.number, self.sound, self.fed = 0, sound, sound.pts
        self.heard = Heard()
        self.done, self.is_speech = 0, False
        self.tail: tuple[TimedWord, ...] = ()

    @property
    def length_s(self) -> float:
        return (self.sound.end - self.sound.pts) / SOUND_HZ

    @property
    def settled(self) -> bool:
        """Whether there are words and none of them is open."""
        return 0 < len(self.heard.words) == self.done

    def take(self, heard: Heard, rules: CaptionRules) -> list[TimedWord]:
        """The words that are newly committed: none before one is surely speech, lest a crowd's murmur be written."""
        heard = self.heard = Heard(tuple(map(self._trimmed, heard.words)), heard.stable)
        self.is_speech = self.is_speech or any(self._surely(word, rules) for word in heard.words)
        if not self.is_speech:
            return []
        sure = max(self.done, heard.stable)
        fresh = [word for word in heard.words[self.done : sure] if self._believed(word, rules)]
        self.done = sure
        self.tail = tuple(word for word in heard.words[sure:] if self._believed(word, rules))
        return fresh

    def _trimmed(self, word: TimedWord) -> TimedWord:
        """Without the silence behind it, which recognisers take for more of the last phone."""
        until_s = max(self.sound.spoken_until_s(word.start_s, word.end_s), word.start_s + SHORTEST_S)
        return replace(word, end_s=min(word.end_s, until_s))

    def _surely(self, word: TimedWord, rules: CaptionRules) -> bool:
        return word.confidence >= rules.surely_confident and self._voiced(word) >= rules.surely_voiced

    def _believed(self, word: TimedWord, rules: CaptionRules) -> bool:
        return word.confidence >= rules.least_confidence and self._voiced(word) >= rules.least_voiced

    def _voiced(self, word: TimedWord) -> float:
        return self.sound.speech(word.start_s, word.end_s)

    def boundary_s(self, most_s: float) -> float:
        """Where to cut, at most `most_s` back: after the last committed word, else after the last but one."""
        words = self.heard.words
        count = min(self.done or max(1, len(words) - 1), len(words))
        earliest_s = self.sound.end / SOUND_HZ - most_s
        if not count:
            return earliest_s
        last, following = words[count - 1], words[count : count + 1]
        return max(earliest_s, (last.end_s + following[0].start_s) / 2 if following else last.end_s)
