"""The tree of word ends: shared beginnings are found, what nothing needs is forgotten."""

import numpy as np

from models.stt.trace import Trace


def grown() -> tuple[Trace, np.ndarray]:
    """Words 1 2 3, 1 2 4 5 and 1 6."""
    trace, last = Trace(), {}
    for name, parent, word in (("a", "", 1), ("b", "a", 2), ("c", "b", 3), ("d", "b", 4), ("e", "d", 5), ("f", "a", 6)):
        (last[name],) = trace.add(
            np.array([last.get(parent, -1)]), np.array([word]), np.array([word]), word + 1, np.zeros(1, np.float32)
        )
    return trace, np.array([last["c"], last["e"], last["f"]])


def words(trace: Trace, entry: int) -> list[int]:
    return [int(trace.word[e]) for e in trace.path(int(entry))]


def test_paths_and_what_they_share() -> None:
    trace, ends = grown()
    assert [words(trace, end) for end in ends] == [[1, 2, 3], [1, 2, 4, 5], [1, 6]]
    assert words(trace, trace.shared(ends)) == [1]
    assert words(trace, trace.shared(ends[:2])) == [1, 2]
    assert trace.shared(np.array([ends[0], -1])) == -1
    assert trace.shared(ends[:1]) == ends[0]


def test_lifted_to_a_depth() -> None:
    trace, ends = grown()
    assert [int(trace.word[e]) for e in trace.lifted(ends, 2)] == [2, 2, 6]
    assert trace.lifted(ends, 0).tolist() == [-1, -1, -1]


def test_what_is_no_longer_needed_is_forgotten() -> None:
    trace, ends = grown()
    root = trace.shared(ends[:2])
    kept = trace.keep(ends[:2], root)
    assert trace.size == 3
    assert [words(trace, end) for end in kept] == [[3], [4, 5]]
    assert trace.depth[kept].tolist() == [1, 2]


def test_it_grows_beyond_its_first_room() -> None:
    trace, last = Trace(), np.array([-1])
    for i in range(1000):
        last = trace.add(last, np.array([i]), np.array([i]), i + 1, np.zeros(1, np.float32))
    assert words(trace, last[0]) == list(range(1000))


def test_the_share_of_the_beam_that_agrees() -> None:
    trace, ends = grown()
    trace.weigh(trace.path(int(ends[1])), ends, np.array([1.0, 2.0, 1.0], np.float32))
    assert [float(trace.share[e]) for e in trace.path(int(ends[1]))] == [1.0, 0.75, 0.5, 0.5]
