"""What a session sends out when it has captions: sound and words in step, held back and bleeped where asked for.

Joins the recogniser's side branch, the airing and the burning-in for one session, and tells events. The session gives
it hops and pictures; it knows no door and starts no task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from streamer.frame import PICTURE_HZ, AudioFrame, Event, VideoFrame
from streamer.settings import Captions
from streamer.stages.airing import Airing, EditError
from streamer.stages.bleep import WordList
from streamer.stages.burn import Painter
from streamer.stages.captions import Captioner
from streamer.stages.live_captions import LiveCaptions
from streamer.stages.recognise import Caption, Recogniser
from streamer.stages.screen import Screen

__all__ = ["Programme"]


class Programme:
    """`settings` is read at every hop. `tell` hears `caption` events, `publish` those for who edits.

    Without a `recogniser` everything goes through as it is, after `least_hold_s`.
    """

    def __init__(
        self,
        recogniser: Recogniser | None,
        *,
        settings: Callable[[], Captions],
        now_s: Callable[[], float],
        failed: Callable[[], None],
        tell: Callable[[Event], None],
        publish: Callable[[Event], None],
        least_hold_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._settings, self._tell, self._publish, self._least_hold_s = settings, tell, publish, least_hold_s
        self._airing, self._screen, self._painter = Airing(), Screen(), Painter()
        self._captions: LiveCaptions | None = None
        if recogniser is not None:
            captioner = Captioner(recogniser, now_s=now_s, failed=failed)
            self._captions = LiveCaptions(captioner, settings=settings, tell=self._hear)

    @property
    def hold_s(self) -> float:
        """How long they wait for their words now."""
        settings = self._settings()
        return settings.hold_s if self._captions is not None and settings.on and settings.hold else 0.0

    @property
    def wait_s(self) -> float:
        """How long sound and picture wait, for words or for a face."""
        return max(self.hold_s, self._least_hold_s())

    @property
    def hears(self) -> bool:
        """Whether there is a recogniser, so that there can be captions."""
        return self._captions is not None

    async def run(self) -> None:
        """Listen, until `close`."""
        if self._captions is not None:
            await self._captions.run()

    def listen(self, hop: AudioFrame, speech: float, *, source: str) -> None:
        """A hop of `raw` or `clean` sound, and how likely it is speech; never waits."""
        if self._captions is not None:
            self._captions.offer(hop, speech, source=source)

    async def room(self) -> None:
        """Wait until another hop can be listened to without leaving any out."""
        if self._captions is not None:
            await self._captions.room()

    async def settle(self) -> None:
        """Wait until all that was listened to is told, as if nothing followed."""
        if self._captions is not None:
            await self._captions.settle()
            self.show()

    def push(self, hop: AudioFrame) -> list[AudioFrame]:
        """The hops that go out now that this one has come."""
        return self._airing.push(hop, self.wait_s)

    def drain(self) -> AudioFrame | None:
        """The next hop that goes out when no more come in."""
        return self._airing.drain()

    async def draw(self, frame: VideoFrame) -> VideoFrame:
        """The picture, with the captions of its moment where they are to be burnt in."""
        settings = self._settings()
        if not (settings.on and settings.burn):
            return frame
        rows = self._screen.rows(frame.pts / PICTURE_HZ)
        if not rows:
            return frame
        # A new text takes milliseconds to render.
        draw = partial(self._painter.draw, frame, rows, size=settings.size, position=settings.position)
        return await asyncio.to_thread(draw)

    def show(self) -> None:
        """Tell the words of the sound that has gone out."""
        self._announce(self._airing.due())

    def edit(self, line: object, action: object, text: object = None) -> None:
        """Of a line by its number: "mend" (with `text`), "hold", "release", "delete" or "bleep".

        Raises:
            EditError: it makes no sense, or comes too late.
        """
        if not self.hold_s:
            raise EditError("lines can be edited while captions.hold is on")
        if not isinstance(line, int) or not isinstance(action, str) or not isinstance(text, str | None):
            raise EditError('an edit is {"line": 3, "action": "mend", "text": "the words"}, with a number for a line')
        self._airing.edit(line, action, text)
        self._announce([])

    def lines(self) -> list[Event]:
        """The lines that can be edited now, for who comes to edit them."""
        return [line.event(self.hold_s) for line in self._airing.lines]

    def stats(self) -> dict[str, Any] | None:
        """For the `stats` event; None where there is no recogniser."""
        if self._captions is None:
            return None
        return {**self._captions.stats(), "hold_s": self.hold_s, "late_words": self._airing.late}

    def close(self) -> None:
        if self._captions is not None:
            self._captions.close()

    def _hear(self, caption: Caption) -> None:
        self._announce(self._airing.hear(caption, WordList(self._settings().bleep), self.hold_s))

    def _announce(self, captions: list[Caption]) -> None:
        for caption in captions:
            self._screen.hear(caption)
            self._tell(caption.event())
        changed, self._airing.changed = self._airing.changed, []
        for line in {line.number: line for line in changed}.values():
            self._publish(line.event(self.hold_s))
