"""One segment of captions while it is spoken: its sound, the words heard in it, and which of them are believed (pure).

Knows no recogniser and no clock but pts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamer.frame import SOUND_HZ
from streamer.stages.gate import Stretch
from streamer.stages.recognise import Heard, TimedWord

__all__ = ["CaptionRules", "Segment"]

SHORTEST_S = 0.15  # of a word cut short: less speech than half of that is none


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
    surely_voiced: float = 0.85
    surely_confident: float = 0.5
    behind_s: float = 1.5
    latest_s: float = 6.0
    patience_s: float = 10.0


class Segment:
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
