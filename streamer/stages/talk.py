"""A session's own voice: lines to be said, their sound in what the session sends out, and who may interrupt it.

Joins `Saying`, the mouth and the barge-in for one session, and tells `saying` events. While nobody publishes it makes
the silence that the voice is heard in. The session gives it every hop and owns its tasks; it knows no door.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from models.feelings import Marker, parted, unmarked
from models.tts.types import SpokenWord
from streamer.channel import Broadcast, Closed
from streamer.clock import Pacer
from streamer.frame import HOP, SOUND_HZ, AudioFrame, Event, FormatError
from streamer.settings import Voice as VoiceSettings
from streamer.stages.bargein import BargeIn, Verdict
from streamer.stages.lines import Lines
from streamer.stages.mouth import AHEAD, Mouth, SaidChunk
from streamer.stages.saying import Saying
from streamer.stages.voice import Piece

__all__ = ["LONGEST_TEXT", "MakeSaying", "NoVoice", "Talk", "no_voice"]

LONGEST_TEXT = 10_000
DRY_S = 0.3  # without a hop from the publisher for so long, the voice carries on by itself
GONE_S = 5.0  # so long, and nobody publishes: silence is sent too, for the next line to begin in at once

log = logging.getLogger(__name__)

MakeSaying = Callable[[], Saying]
"""Raises `NoVoice` and `EngineFull`."""


class NoVoice(Exception):
    """This server was started without a voice."""


def no_voice(_session: object) -> Saying:
    """Where nothing can speak."""
    raise NoVoice("this server was started without a voice; start it without --voice off")


class Talk:
    """`settings` is read at every hop. `now` gives monotonic seconds, `pts` where sound captured now lies.

    `air` takes a hop of silence on its way out, which comes back to `mix`; `publish` tells everybody. `said` has
    every chunk of generated sound, up to 400 ms before it goes out: what draws a face for it subscribes there.
    `feel` hears of emotions marked in a text: from which character of all that was given, and which; None: none of
    those marked before it.
    """

    def __init__(
        self,
        make_saying: MakeSaying,
        *,
        settings: Callable[[], VoiceSettings],
        channels: int,
        now: Callable[[], float],
        pts: Callable[[], int],
        air: Callable[[AudioFrame], Awaitable[None]],
        publish: Callable[[Event], None],
        failed: Callable[[], None],
        feel: Callable[[int, str | None], None] = lambda _begin, _emotion: None,
    ) -> None:
        self.said: Broadcast[SaidChunk] = Broadcast()
        self._make_saying, self._settings, self._channels = make_saying, settings, channels
        self._now, self._pts, self._air, self._publish, self._failed = now, pts, air, publish, failed
        self._feel = feel
        self._saying: Saying | None = None
        self._begun, self._room = asyncio.Event(), asyncio.Event()
        self._lines, self._barge_in = Lines(), BargeIn()
        self._begun_marker = ""  # of the open line: what the next text may complete
        self._mouth = Mouth(stamped=self.said.publish, began=self._word, done=self._done)
        self._heard_at = float("-inf")  # when the publisher's sound was last on its way out
        self._end: int | None = None  # pts of the end of what is on its way

    def say(self, text: str, *, more: bool = False) -> int:
        """Say a line, after those before it; `more`: the line goes on with the next text. Its number.

        An emotion in brackets, as in "[happy] Hello", is not said but felt, from the next word on, whatever the pieces.

        Raises:
            FormatError: nothing to say, too long for one message, or nearly an emotion.
            TooMuchText: too much waits already.
            NoVoice, EngineFull: there is no voice, or none left for this session.
        """
        if len(text) > LONGEST_TEXT:
            raise FormatError(
                f"a text to say has at most {LONGEST_TEXT} characters, not {len(text)}; send it by pieces"
            )
        text = self._begun_marker + text
        text, begun_marker = parted(text) if more else (text, "")
        text, markers = self._felt(text)
        if not text.strip() and not more and not self._lines.open:
            raise FormatError("there is nothing to say: the text is empty")
        saying = self._saying = self._saying or self._make_saying()
        begin = saying.taken
        saying.push(text)
        self._begun_marker = begun_marker
        for marker in markers:
            self._feel(begin + marker.at, marker.emotion)
        line = self._lines.add(text, begin=begin, more=more)
        if not more:
            saying.flush()
        self._begun.set()
        self._publish(line.event("given", text=text, more=more))
        return line.number

    def stop(self, reason: str = "stop") -> None:
        """Say no more of what was given."""
        if self._saying is not None:
            self._saying.cancel()
            self._feel(self._saying.taken, None)
        self._begun_marker = ""
        cut = self._mouth.drop()
        self._barge_in.forget()
        self._tell(self._lines.drop(cut, reason))

    def follow(self, hop: AudioFrame) -> None:
        """A hop of the publisher's sound is on its way out: the voice needs no silence of its own."""
        self._heard_at, self._end = self._now(), hop.end

    def mix(self, hop: AudioFrame) -> AudioFrame:
        """What goes out at this hop, the voice in it."""
        out, voice = self._mouth.mix(hop)
        if self._saying is not None:
            self._barge_in.played(voice)
        self._room.set()
        return out

    def hear(self, hop: AudioFrame, probability: float, *, speaking: bool) -> None:
        """The person's sound as it came in, how likely it is speech, and whether somebody speaks."""
        if self._saying is None:
            return
        sounding = self._settings().barge_in and (self._mouth.held or self._mouth.load > 0)
        match self._barge_in.heard(hop.samples, probability, speaking=speaking, sounding=sounding):
            case Verdict.HOLD:
                self._mouth.hold()
                self._tell(self._lines.now("held"))
            case Verdict.RESUME:
                self._mouth.resume()
                self._tell(self._lines.now("resumed"))
            case Verdict.DROP:
                self.stop("speech")

    async def run(self) -> None:
        """Speak, from the first line until cancelled."""
        await self._begun.wait()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._speak())
            tasks.create_task(self._keep_going())

    def stats(self) -> dict[str, Any] | None:
        """For the `stats` event; None before the first line."""
        if self._saying is None:
            return None
        ahead_ms = self._mouth.load * 1000 // SOUND_HZ
        return {
            "speaking": self._mouth.load > 0 and not self._mouth.held,
            "held": self._mouth.held,
            "ahead_ms": ahead_ms,
        }

    def close(self) -> None:
        self.said.close()
        if self._saying is not None:
            self._saying.close()

    async def _speak(self) -> None:
        assert self._saying is not None
        while True:
            try:
                async for piece in self._saying:
                    await self._put(piece, self._saying)
            except Closed:
                return
            except Exception:
                log.exception("the voice failed; what it was to say is dropped")
                self._failed()
                self.stop("failure")

    async def _put(self, piece: Piece, saying: Saying) -> None:
        while self._mouth.load + piece.length > AHEAD:
            self._room.clear()
            await self._room.wait()
        if piece.epoch != saying.epoch:
            return
        if piece.unspoken:
            self._tell(self._lines.now("unspoken", text=list(piece.unspoken)))
        self._mouth.put(piece)

    async def _keep_going(self) -> None:
        """Hops for the voice to be heard in while no sound of a publisher goes out: only one makes the timeline."""
        pacer = Pacer(SOUND_HZ)
        while True:
            await asyncio.sleep(max(0.0, pacer.due(self._now()) - self._now()))
            pacer.sent(HOP)
            if self._now() - self._heard_at < (DRY_S if self._mouth.load else GONE_S):
                continue
            pts = self._pts() if self._end is None or abs(self._pts() - self._end) > SOUND_HZ // 5 else self._end
            silence = AudioFrame(pts, np.zeros((self._channels, HOP), np.float32), arrival=self._now())
            self._end = silence.end
            await self._air(silence)

    def _word(self, word: SpokenWord) -> None:
        event = self._lines.began(word)
        self._tell([event] if event else [])

    def _done(self) -> None:
        event = self._lines.done()
        self._tell([event] if event else [])

    def _felt(self, text: str) -> tuple[str, tuple[Marker, ...]]:
        """What is to be said, and what is to be felt in it; of a wrong marker nothing is kept."""
        try:
            return unmarked(text)
        except ValueError as error:
            self._begun_marker = ""
            raise FormatError(str(error)) from None

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            self._publish(event)
