"""A recogniser that says given words at given times: stands in for the network alone, to test what is around it."""

import asyncio

from streamer.frame import SOUND_HZ
from streamer.stages.recognise import Heard, TimedWord


class Scripted:
    """`script`: the words of the whole recording. A word is heard once the sound reaches its end plus `lookahead_s`,
    and stable `settle_s` later; until then it is guessed as `guess(text)`. Hears nothing outside of what it is given.
    """

    def __init__(self, script, *, chunk_samples=7680, lookahead_s=0.32, settle_s=0.3, guess=lambda text: text):
        self.chunk_samples = chunk_samples
        self.fail, self.slow_s, self.closed = False, 0.0, False
        self.segments, self.lags = [], []
        self._script, self._lookahead_s, self._settle_s, self._guess = script, lookahead_s, settle_s, guess
        self._from = self._to = None

    async def hear(self, chunk, *, pts):
        assert chunk.shape == (1, self.chunk_samples) and chunk.dtype == "float32"
        assert self._to in (None, pts), "a segment's sound must be unbroken"
        await asyncio.sleep(self.slow_s)
        if self.fail:
            raise ArithmeticError("broken")
        self._from = pts if self._from is None else self._from
        self._to = pts + self.chunk_samples
        words = self._said(self._to / SOUND_HZ - self._lookahead_s)
        sure = self._said(self._to / SOUND_HZ - self._lookahead_s - self._settle_s)
        guesses = [TimedWord(self._guess(w.text), w.start_s, w.end_s, w.confidence) for w in words[len(sure) :]]
        return Heard((*sure, *guesses), len(sure))

    async def finish(self):
        words = [] if self._to is None else self._said(self._to / SOUND_HZ)
        self.segments.append((self._from, self._to))
        self._from = self._to = None
        return Heard(tuple(words), len(words))

    def narrow(self, lag_s):
        self.lags.append(lag_s)

    def close(self):
        self.closed = True

    def _said(self, until_s):
        from_s = self._from / SOUND_HZ
        return [word for word in self._script if word.start_s >= from_s and word.end_s <= until_s]


def script(text, *, start_s=0.0, word_s=0.3, gap_s=0.05, confidence=0.9):
    """Words of even length, one after the other."""
    step = word_s + gap_s
    return [
        TimedWord(word, start_s + i * step, start_s + i * step + word_s, confidence)
        for i, word in enumerate(text.split())
    ]
