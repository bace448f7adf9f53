"""A voice with no network: every word is a tone of one length, so that what goes out can be read from the samples."""

import asyncio

import numpy as np

from models.tts.types import Clause, Phone, Reading, SpokenWord
from streamer.frame import SOUND_HZ
from streamer.stages.voice import PIECE, SILENCE, Piece, within

WORD_S, PAUSE_S = 0.3, 0.2
LEVEL = 0.25


class Words:
    """Reads words; a clause ends at a stop, a comma or a flush. Words with a `#` cannot be spoken."""

    def __init__(self):
        self._text, self._at = "", 0

    def push(self, text):
        self._text += text
        return list(self._clauses(whole=False))

    def flush(self):
        return list(self._clauses(whole=True))

    def _clauses(self, *, whole):
        while True:
            ends = [at for at in (self._text.find(mark) for mark in ".,") if at >= 0]
            length = min(ends) + 1 if ends else len(self._text) if whole else 0
            if not length:
                return
            text, begin = self._text[:length], self._at
            self._text, self._at = self._text[length:], self._at + length
            if text.strip():
                yield clause(text, begin)


def clause(text, begin=0):
    words, at = [], 0
    for word in text.rstrip(".,").split():
        at = text.index(word, at)
        words.append(Reading(word, begin + at, begin + at + len(word), ("AH0",)))
        at += len(word)
    said = tuple(word for word in words if "#" not in word.text)
    return Clause(
        text, begin, said, text[-1] if text[-1] in ".," else "", tuple(w.text for w in words if "#" in w.text)
    )


class Tones:
    """A `Voice`: word after word a tone of 300 ms at -12 dBFS, 200 ms of silence after each clause."""

    def __init__(self, *, slow_s=0.0, slots=10):
        self.slow_s, self.fail, self.spoken, self.free = slow_s, False, [], slots

    async def run(self, work):
        await asyncio.sleep(0)
        return work()

    def reader(self):
        return Words()

    def speaker(self):
        self.free -= 1
        return _Speaker(self)


class _Speaker:
    def __init__(self, voice):
        self._voice, self.closed = voice, False

    async def speak(self, clause, controls):
        if self._voice.fail:
            raise ArithmeticError("broken")
        self._voice.spoken.append(clause.text)
        if not clause.words:
            yield Piece(SILENCE, unspoken=clause.unspoken)
            return
        word_s = WORD_S / controls.speed
        times = [(i * word_s, (i + 1) * word_s) for i in range(len(clause.words))]
        words = tuple(SpokenWord(w.text, w.begin, w.end, *t) for w, t in zip(clause.words, times, strict=True))
        phones = tuple(Phone("AH0", *t) for t in times)
        count = round((len(words) * word_s + PAUSE_S) * SOUND_HZ) // PIECE
        tone = LEVEL * np.sin(2 * np.pi * 300 * np.arange(count * PIECE) / SOUND_HZ)
        tone[round(len(words) * word_s * SOUND_HZ) :] = 0
        for begin in range(0, count * PIECE, PIECE):
            await asyncio.sleep(self._voice.slow_s)
            end = begin + PIECE
            sound = tone[None, begin:end].astype(np.float32)
            unspoken = clause.unspoken if begin == 0 else ()
            yield Piece(sound, within(phones, begin, end), within(words, begin, end), unspoken)

    def close(self):
        self._voice.free += not self.closed
        self.closed = True
