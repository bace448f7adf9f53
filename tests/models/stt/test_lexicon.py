"""The tree leads along every pronunciation to its words; the shipped lexicon knows the frequent ones."""

import numpy as np

from models.stt.language import load_language
from models.stt.lexicon import Lexicon, Tree, build_tree
from tests.models.stt.toy_language import PRONOUNCED, toy_language


def walk(tree: Tree, way: bytes) -> int:
    node = 0
    for phone in way:
        children = range(tree.first_child[node], tree.first_child[node] + tree.children[node])
        (node,) = (child for child in children if tree.phone[child] == phone)
    return node


def words_at(tree: Tree, node: int) -> set[int]:
    return set(tree.words[tree.first_word[node] : tree.first_word[node] + tree.ends[node]].tolist())


def test_every_pronunciation_leads_to_its_word() -> None:
    language = toy_language()
    for way, word in zip(language.lexicon.said, language.lexicon.said_word.tolist(), strict=True):
        assert word in words_at(language.tree, walk(language.tree, way))
    assert language.tree.ends.sum() == len(language.lexicon.said)


def test_words_that_sound_alike_end_at_one_node() -> None:
    language = toy_language()
    see, sea = (language.lexicon.index[word] for word in ("see", "sea"))
    assert words_at(language.tree, walk(language.tree, language.lexicon.pronunciations("see")[0])) == {see, sea}


def test_a_node_knows_the_best_word_below_it() -> None:
    tree = build_tree(
        [b"\x01\x02", b"\x01\x03", b"\x02"], np.array([0, 1, 2]), np.array([-3.0, -1.0, -2.0], np.float32)
    )
    assert tree.best.tolist() == [0.0, -1.0, -2.0, -3.0, -1.0]
    assert tree.children.tolist() == [2, 2, 0, 0, 0]


def test_stored_and_read_it_is_the_same() -> None:
    lexicon = toy_language().lexicon
    again = Lexicon.from_arrays(lexicon.to_arrays())
    assert again.words == lexicon.words and again.said == lexicon.said
    assert again.said_word.tolist() == lexicon.said_word.tolist()
    assert len(again.pronunciations("the")) == len(PRONOUNCED["the"])
    assert again.pronunciations("unheard-of") == []


def test_the_shipped_language_knows_plain_english() -> None:
    language = load_language()
    for word in ["the", "i'm", "don't", "computer", "internet", "tomorrow", "offence", "shan't", "captain"]:
        assert language.lexicon.pronunciations(word), word
    assert len(language.lexicon.words) == language.ngram.words < 65_536
