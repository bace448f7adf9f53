"""A language of a few words, and posteriors that say given phones: what the search's tests share."""

import numpy as np
from numpy.typing import NDArray

from models.recipes.kneser_ney import Sizes, train
from models.stt.language import Language
from models.stt.lexicon import SENTENCE_END, SENTENCE_START, Lexicon
from models.stt.phones import INDEX, PHONES

PRONOUNCED = {
    "the": ["DH AH", "DH IY"],
    "cat": ["K AE T"],
    "cats": ["K AE T S"],
    "sat": ["S AE T"],
    "see": ["S IY"],
    "sea": ["S IY"],
    "eat": ["IY T"],
    "i": ["AY"],
    "on": ["AA N"],
    "mat": ["M AE T"],
}
TEXTS = ("the cat sat on the mat", "i see the cats", "i see the sea", "the cats eat", "i sat on the cat", "i eat")


def toy_language() -> Language:
    lexicon = Lexicon.of([(word, [way.split() for way in ways]) for word, ways in PRONOUNCED.items()])
    numbers = [SENTENCE_START]
    for text in TEXTS * 3:
        numbers += [*(lexicon.index[word] for word in text.split()), SENTENCE_END, SENTENCE_START]
    return Language(lexicon, train(np.array(numbers), Sizes(len(lexicon.words), (200, 400), SENTENCE_START, (0,))))


def saying(phones: str, *, frames: int = 4, margin: float = 6.0) -> NDArray[np.float32]:
    """Log posteriors `[T, 40]`; each phone lasts `frames`, `_` is silence, and noise is small and always the same."""
    spoken = [INDEX["" if phone == "_" else phone] for phone in phones.split()]
    column = np.repeat(np.array(spoken, np.int64), frames)
    scores = np.random.default_rng(5).normal(0, 0.5, (len(column), len(PHONES)))
    scores[np.arange(len(column)), column] += margin
    return (scores - np.log(np.exp(scores).sum(1, keepdims=True))).astype(np.float32)
