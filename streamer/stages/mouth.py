"""The mouth of a session: generated sound gets its place on the media clock and goes out, added to whatever goes out.

Generated sound has no capture time: it is stamped with the next free instant, `LEAD` after what goes out now where the
mouth was still. Pure: it is given every outgoing hop, in order, and starts no task. It knows no voice and no door.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from models.tts.types import Phone, SpokenWord
from streamer.frame import SOUND_HZ, AudioFrame, Sound
from streamer.stages.voice import SILENCE, Piece, moved, within

__all__ = ["AHEAD", "LEAD", "Mouth", "SaidChunk"]

AHEAD = SOUND_HZ * 400 // 1000
LEAD = SOUND_HZ * 60 // 1000  # so that a face that is drawn for this sound can be there in time
RAMP = SOUND_HZ * 5 // 1000
KEPT = SOUND_HZ * 3 // 2  # what went out, for a word to be said again
NEARLY = SOUND_HZ * 30 // 1000  # a word that misses so little of its end has been said
KNEE, CEILING = 0.7, 0.89  # of the sum of two voices: the limiter has seen only one of them


@dataclass(frozen=True, slots=True)
class SaidChunk:
    """Generated sound with its place: `pts` in samples on the session clock, `samples` `[1, T]` at 48 kHz.

    `phones` and `words` begin in it; their times are seconds on the session clock. A chunk without samples, of a higher
    `epoch`, says that from its `pts` on nothing will be heard of what was told with a lower one.
    """

    pts: int
    samples: Sound
    phones: tuple[Phone, ...]
    words: tuple[SpokenWord, ...]
    epoch: int


@dataclass(frozen=True, slots=True)
class _Placed:
    """A piece, and where it is in all the sound that was ever put."""

    begin: int
    piece: Piece

    @property
    def end(self) -> int:
        return self.begin + self.piece.length


class Mouth:
    """`stamped` hears each chunk once it has its place, up to 400 ms before it goes out.

    `began` hears of each word as it goes out, timed on the session clock; `done`, that all up to a flush has gone out.
    """

    def __init__(
        self,
        *,
        stamped: Callable[[SaidChunk], None],
        began: Callable[[SpokenWord], None],
        done: Callable[[], None],
    ) -> None:
        self.epoch = 0  # of what `stamped` is told; rises also before the same sound is told again
        self.held = False
        self._stamped, self._began, self._done = stamped, began, done
        self._placed: deque[_Placed] = deque()
        self._flushes: deque[int] = deque()
        self._at = self._end = 0  # how many samples went out, and were put
        self._next_pts = self._start = 0  # where the next hop will lie; before which pts nothing goes out
        self._sounding = False
        self._last: Sound = SILENCE  # faded out, still to go

    @property
    def load(self) -> int:
        """Samples that wait to go out."""
        return self._end - self._at

    @property
    def cut(self) -> SpokenWord | None:
        """The word in whose middle the sound stands now."""
        for begin, end, word in self._words():
            if begin < self._at < end - NEARLY:
                return word
        return None

    def put(self, piece: Piece) -> None:
        """What follows all that was put before."""
        if not self.load:
            self._start = self._next_pts + LEAD
        placed = _Placed(self._end, piece)
        self._placed.append(placed)
        self._end += piece.length
        if piece.flushed:
            self._flushes.append(self._end)
        if not self.held:
            self._stamp(placed)

    def mix(self, hop: AudioFrame) -> tuple[AudioFrame, Sound]:
        """The hop as it goes out, and what of it is generated, `[1, T]`."""
        voice = np.zeros((1, hop.samples.shape[1]), np.float32)
        if self._last.shape[1]:
            voice[:, : self._last.shape[1]], self._last = self._last, SILENCE
        elif not self.held:
            self._speak(voice, hop.pts)
        self._next_pts = hop.end
        while self._flushes and self._flushes[0] <= self._at:
            self._flushes.popleft()
            self._done()
        return (replace(hop, samples=_sum(hop.samples, voice)) if voice.any() else hop), voice

    def hold(self) -> None:
        """Fall silent within 5 ms of the next hop; what was not heard is kept."""
        self._hush()
        self.held = True

    def resume(self) -> None:
        """Go on after `hold`, with the word that was cut, from its beginning."""
        word = self.cut
        self._at = next((begin for begin, _, each in self._words() if each is word), self._at)
        self.held, self._start = False, self._next_pts
        for placed in self._placed:
            if placed.end > self._at:
                self._stamp(placed)

    def drop(self) -> SpokenWord | None:
        """Fall silent within 5 ms of the next hop, for good; the word that is cut by it."""
        self._hush()
        word = self.cut
        self._placed.clear()
        self._flushes.clear()
        self._at, self.held = self._end, False
        return word

    def _hush(self) -> None:
        if self._sounding:
            length = min(RAMP, self.load)
            self._last, self._sounding = self._take(length) * np.linspace(1, 0, length, dtype=np.float32), False
        self.epoch += 1
        self._stamped(SaidChunk(self._next_pts + self._last.shape[1], SILENCE, (), (), self.epoch))

    def _speak(self, voice: Sound, pts: int) -> None:
        """Write what is due in the hop at `pts` into `voice`; a ramp wherever sound meets silence."""
        offset = max(0, self._start - pts)
        length = min(voice.shape[1] - offset, self.load)
        if length <= 0:
            return
        fresh, before = not self._sounding, self._at
        sound = self._take(length)
        if fresh:
            ramp = min(RAMP, length)
            sound[:, :ramp] *= np.linspace(0, 1, ramp, dtype=np.float32)
        if not self.load:
            ramp = min(RAMP, length)
            sound[:, length - ramp :] *= np.linspace(1, 0, ramp, dtype=np.float32)
        self._sounding = bool(self.load)
        voice[:, offset : offset + length] = sound
        for begin, _, word in self._words():
            if before <= begin < self._at:
                self._began(moved(word, (pts + offset + begin - before) / SOUND_HZ - word.start_s))

    def _take(self, length: int) -> Sound:
        """The next samples, a copy."""
        begin, end = self._at, self._at + length
        parts = [
            placed.piece.samples[:, max(0, begin - placed.begin) : end - placed.begin]
            for placed in self._placed
            if placed.begin < end and begin < placed.end
        ]
        self._at = end
        while self._placed and self._placed[0].end < end - KEPT:
            self._placed.popleft()
        return np.concatenate([SILENCE, *parts], axis=1)

    def _words(self) -> Iterator[tuple[int, int, SpokenWord]]:
        """Every word that is kept, with the samples where it begins and ends."""
        for placed in self._placed:
            for word in placed.piece.words:
                yield (
                    placed.begin + round(word.start_s * SOUND_HZ),
                    placed.begin + round(word.end_s * SOUND_HZ),
                    word,
                )

    def _stamp(self, placed: _Placed) -> None:
        """Tell its place, if nothing holds it up; of one that has partly gone out, the rest."""
        if not placed.piece.length:
            return
        begin, piece = max(placed.begin, self._at), placed.piece
        pts, skipped = max(self._next_pts, self._start) + begin - self._at, begin - placed.begin
        seconds = pts / SOUND_HZ
        phones = tuple(moved(each, seconds) for each in within(piece.phones, skipped, piece.length))
        words = tuple(moved(each, seconds) for each in within(piece.words, skipped, piece.length))
        self._stamped(SaidChunk(pts, piece.samples[:, skipped:], phones, words, self.epoch))


def _sum(sound: Sound, voice: Sound) -> Sound:
    """Both together, bent below the ceiling where they are loud at once."""
    both = sound + voice
    size = np.abs(both)
    bent = np.sign(both) * (KNEE + (CEILING - KNEE) * np.tanh((size - KNEE) / (CEILING - KNEE)))
    return np.asarray(np.where(size > KNEE, bent, both), np.float32)
