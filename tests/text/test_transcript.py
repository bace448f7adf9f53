"""A session's transcript: what its caption events say, and no more of it than it may keep."""

from streamer.text.transcript import Transcript


def caption(segment, *texts, final=False, start_s=0.0):
    """The body of a caption event."""
    words = [
        {"text": text, "start_s": start_s + i, "end_s": start_s + i + 0.5, "confidence": 0.9}
        for i, text in enumerate(texts)
    ]
    body = {"segment": segment, "committed": " ".join(texts), "tail": "maybe", "words": words, "final": final}
    return {**body, "start_s": start_s, "lag_s": 0.5}


def test_committed_words_are_gathered_by_segment():
    transcript = Transcript()
    for body in (caption(0, "Hello"), caption(0), caption(0, "there.", start_s=1.0, final=True), caption(1, "Next")):
        transcript.add(body)
    first, second = transcript.segments
    assert (first.text, first.final, second.text, second.final) == ("Hello there.", True, "Next", False)
    told = first.as_json()
    assert (told["start_s"], told["end_s"], told["words"][1]["text"]) == (0.0, 1.5, "there.")
    assert transcript.forgotten_words == 0


def test_a_guess_that_came_to_nothing_leaves_nothing():
    transcript = Transcript()
    transcript.add(caption(0))
    transcript.add(caption(0, final=True))
    assert not transcript.segments


def test_the_oldest_words_go_when_there_are_too_many():
    transcript = Transcript(most_words=5)
    for number in range(4):
        transcript.add(caption(number, "a", "b", final=True))
    assert [len(segment.words) for segment in transcript.segments] == [1, 2, 2]
    assert transcript.forgotten_words == 3


def test_one_endless_segment_is_bounded_too():
    transcript = Transcript(most_words=5)
    for _ in range(10):
        transcript.add(caption(0, "a", "b", "c"))
    assert [len(segment.words) for segment in transcript.segments] == [5]
    assert transcript.forgotten_words == 25
