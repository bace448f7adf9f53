"""The voice without its sound: a clause that was read becomes features for the vocoder, with the times of its phones.

A job of some milliseconds a second of speech, to be run on a thread of its own. Knows nothing of text beyond its marks,
of sound, or of who waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.tts.features import BANDS, FEATURES, FRAMES_A_SECOND, LOG_FLOOR, PITCH_ROW, VOICED_ROW
from models.tts.network import Acoustic, Prosody, load_acoustic
from models.tts.tokens import clause_tokens
from models.tts.types import Clause, Controls, Phone, SpokenWord, Utterance

__all__ = ["MOST_PHONES", "Voice", "load_voice"]

PAUSES_S = {"": 0.0, ",": 0.20, ":": 0.30, ".": 0.40, "?": 0.40, "!": 0.40}
READ_AS = {"?": ".", "!": ".", ":": ","}  # she never asked or cried out, so questions rise by rule
ASKING = {"who", "whom", "whose", "what", "which", "when", "where", "why", "how"}  # a question that begins so falls
ASKED = 0.65  # octaves above her mean, where a question ends
MOST_PHONES = 120  # at a time, some 9 s; a longer clause is said in several parts
SHORTEST, LONGEST = 2.0, 60.0  # frames a phone lasts at speed 1
LIVELIER = 1.25  # a regression foretells two thirds of how far her pitch goes
FARTHEST_PITCH = 0.3  # octaves by which the spectrum follows another pitch than hers
NEPER = np.log(10) / 20  # a decibel, in the natural log of a magnitude

Said = tuple[NDArray[np.float32], list[int]]
"""Features `[T, 82]`, and how many of the frames each phone and the pause last."""


class Voice:
    """Says clauses; one may serve several threads, since it changes nothing of its own."""

    def __init__(self, net: Acoustic) -> None:
        self._net = net.eval()

    def speak(self, clause: Clause, controls: Controls) -> Utterance:
        """What the clause sounds like; without phones in it, nothing.

        Raises:
            ValueError: a phone or a mark that the voice does not know.
        """
        words = [word.phones for word in clause.words]
        parts = _parts(words)
        said = [self._say(part, "", controls, rising=0.0) for part in parts[:-1]]
        rising = 1.0 if _rises(clause) else 0.0
        said += [self._say(part, clause.pause, controls, rising=rising) for part in parts[-1:]]
        return _utterance(clause, said)

    @torch.inference_mode()
    def _say(self, words: list[tuple[str, ...]], mark: str, controls: Controls, *, rising: float) -> Said:
        tokens = torch.from_numpy(clause_tokens(words, READ_AS.get(mark, mark)))[None]
        known = torch.ones(1, tokens.shape[1], 1)
        encoded = self._net.encode(tokens, known)
        prosody = self._net.prosody(encoded, known)
        frames = _frames(prosody.length[0], PAUSES_S[mark] * controls.pause, controls.speed)
        octaves = controls.pitch_semitones / 12
        followed = float(np.clip(octaves, -FARTHEST_PITCH, FARTHEST_PITCH))
        octave = 1 / self._net.pitch_scale[1]
        pitch = (LIVELIER * prosody.pitch).lerp(ASKED * octave, rising * _ending(words))
        moved = Prosody(prosody.length, pitch + followed * octave, prosody.energy)
        there = torch.ones(1, int(frames.sum()), 1)
        made = self._net.decode(encoded, moved, frames[None], there)[0].numpy()
        made[:, :BANDS] = np.maximum(made[:, :BANDS] + NEPER * controls.energy_db, np.log(LOG_FLOOR))
        made[:, PITCH_ROW] += octaves - followed
        made[:, VOICED_ROW] = made[:, VOICED_ROW] > 0
        return made, frames.tolist()


def _rises(clause: Clause) -> bool:
    """Whether it is a question that yes or no answers."""
    return clause.pause == "?" and not any(word.text.lower() in ASKING for word in clause.words[:2])


def _ending(words: list[tuple[str, ...]]) -> Tensor:
    """0 up to the last stressed vowel, from there soon up to 1 in the last phone: `[1, N, 2]`, as `Prosody.pitch`."""
    phones = [phone for word in words for phone in word]
    stressed = [i for i, phone in enumerate(phones) if phone[-1] in "12"]
    first = 2 * stressed[-1] if stressed else 0
    places = torch.arange(2.0 * (len(phones) + 1))
    return ((places - first + 1) / (2 * len(phones) - first)).clamp(0, 1).sqrt().view(1, -1, 2)


def _frames(length: Tensor, pause_s: float, speed: float) -> Tensor:
    """Whole frames `[N]` from predicted `log(1 + frames)`: borders are rounded, so that no error adds up."""
    long = torch.expm1(length).clamp(SHORTEST, LONGEST).double()
    long[-1] = pause_s * FRAMES_A_SECOND
    borders = (long / speed).cumsum(0).round().long()
    return borders.diff(prepend=borders.new_zeros(1))


def _parts(words: Sequence[tuple[str, ...]]) -> list[list[tuple[str, ...]]]:
    """Words in parts of at most `MOST_PHONES` phones; a longer word is broken."""
    parts: list[list[tuple[str, ...]]] = []
    room = 0
    for word in words:
        for piece in (word[i : i + MOST_PHONES] for i in range(0, len(word), MOST_PHONES)):
            if len(piece) > room:
                parts.append([])
                room = MOST_PHONES
            parts[-1].append(piece)
            room -= len(piece)
    return parts


def _utterance(clause: Clause, said: list[Said]) -> Utterance:
    """Features side by side `[82, T]`, and the times that follow from the lengths."""
    if not said:
        return Utterance(np.zeros((FEATURES, 0), np.float32), (), ())
    names = [phone for word in clause.words for phone in word.phones]
    lengths = [frames for _, part in said[:-1] for frames in _without_pause(part)] + said[-1][1]
    borders = [frame / FRAMES_A_SECOND for frame in np.cumsum([0, *lengths]).tolist()]
    phones = tuple(Phone(name, *ends) for name, ends in zip([*names, ""], pairwise(borders), strict=True))
    firsts = np.cumsum([0, *(len(word.phones) for word in clause.words)]).tolist()
    words = tuple(
        SpokenWord(word.text, word.begin, word.end, borders[first], borders[last])
        for word, (first, last) in zip(clause.words, pairwise(firsts), strict=True)
    )
    features = np.concatenate([made for made, _ in said]).T
    return Utterance(np.ascontiguousarray(features), phones if lengths[-1] else phones[:-1], words)


def _without_pause(lengths: list[int]) -> list[int]:
    """A part that goes on has a pause of no length at its end."""
    assert lengths[-1] == 0
    return lengths[:-1]


def load_voice() -> Voice:
    """The shipped voice."""
    return Voice(load_acoustic())
