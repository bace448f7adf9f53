"""A finished transcription in the shapes that OpenAI's `audio/transcriptions` answers with (pure).

Fields as in OpenAI's API reference (createTranscription); what is not known here is null rather than made up.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from streamer.stages.recognise import TimedWord, text_of
from streamer.text.cues import cues_of
from streamer.text.subtitles import FORMATS, written
from streamer.text.transcript import Segment

__all__ = ["GRANULARITIES", "SUBTITLES", "Transcription"]

GRANULARITIES = ("segment", "word")
SUBTITLES = ("srt", "vtt")
SURELY = 1e-6


@dataclass(frozen=True, slots=True)
class Transcription:
    """What was said in a recording of `seconds`."""

    segments: Sequence[Segment]
    seconds: float
    language: str

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)

    def subtitles(self, form: str) -> str:
        """As a file of `SUBTITLES`."""
        return written(FORMATS[form], cues_of(segment.words for segment in self.segments))

    def plain(self) -> dict[str, Any]:
        return {"text": self.text, "usage": self._usage()}

    def verbose(self, granularities: Collection[str]) -> dict[str, Any]:
        """With the time of every segment, word or both (`GRANULARITIES`)."""
        parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "segment": lambda: [_segment(number, each) for number, each in enumerate(self.segments)],
            "word": lambda: [_word(word) for each in self.segments for word in each.words],
        }
        told = {f"{name}s": part() for name, part in parts.items() if name in granularities}
        head = {"task": "transcribe", "language": self.language, "duration": round(self.seconds, 3), "text": self.text}
        return {**head, **told, "usage": self._usage()}

    def _usage(self) -> dict[str, Any]:
        return {"type": "duration", "seconds": math.ceil(self.seconds)}


def _word(word: TimedWord) -> dict[str, Any]:
    return {"word": word.text, "start": word.start_s, "end": word.end_s}


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    text = text_of(segment.words)
    sure = [math.log(max(SURELY, word.confidence)) for word in segment.words]
    return {
        "id": number,
        "start": segment.words[0].start_s,
        "end": segment.words[-1].end_s,
        "seek": int(segment.words[0].start_s * 100),
        "text": text,
        "avg_logprob": round(sum(sure) / len(sure), 4),
        "compression_ratio": round(len(text.encode()) / len(zlib.compress(text.encode())), 4),
        "temperature": 0.0,
        "tokens": [],
        "no_speech_prob": None,
    }
