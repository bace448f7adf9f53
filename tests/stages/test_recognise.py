"""A caption as it travels."""

import json

import numpy as np

from streamer.stages.recognise import Caption, Pace, TimedWord
from tests.scripted import Scripted, script


def test_a_caption_travels_as_json_with_the_times_of_what_it_commits():
    committed, tail = (TimedWord("Hello,", 1.00049, 1.5, 0.98765),), (TimedWord("wor", 1.6, 1.8, 0.5),)
    event = Caption(3, committed, tail, False, 0.9, 0.25, Pace.BEHIND).event()
    assert event.kind == "caption"
    assert json.loads(json.dumps(event.body)) == {
        "segment": 3,
        "committed": "Hello,",
        "tail": "wor",
        "words": [{"text": "Hello,", "start_s": 1.0, "end_s": 1.5, "confidence": 0.988}],
        "final": False,
        "start_s": 0.9,
        "lag_s": 0.25,
        "pace": "behind",
    }


async def test_the_scripted_recogniser_settles_what_it_guessed():
    recogniser = Scripted(script("one two"), guess=str.upper)
    chunk, texts = np.zeros((1, 7680), np.float32), []
    for at in range(7):
        heard = await recogniser.hear(chunk, pts=at * 7680)
        texts.append((" ".join(word.text for word in heard.words), heard.stable))
    assert texts[-1] == ("one TWO", 1)
    assert [word.text for word in (await recogniser.finish()).words] == ["one", "two"]
