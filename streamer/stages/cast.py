"""Who may be an anchor: who is drawn, of any name or number, and people whose portraits the server was started with.

A client names somebody of the cast, never a file. Knows no session.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from streamer.settings import Anchor, SettingsError

__all__ = ["DRAWN_ONLY", "Cast", "cast_of"]

NAME = re.compile(r"[a-z]{1,16}")
SIZE = 512
NOBODY: Mapping[str, Any] = MappingProxyType({})


class Cast:
    """`portraits`: files by the names of who they show; `consents`: what these people wrote in them."""

    def __init__(self, portraits: Mapping[str, Path] = NOBODY, consents: Mapping[str, str] = NOBODY) -> None:
        self.portraits, self._consents = portraits, consents

    def check(self, wanted: Anchor) -> None:
        """Raises `SettingsError`: nobody is called so, or has that background."""
        if wanted.character in self.portraits:
            if wanted.background != "studio":
                raise SettingsError("anchor.background: a portrait has that of its picture; say studio")
            return
        from models.character.look import look_of  # what draws takes long to load

        try:
            look_of(wanted.character)
        except ValueError as error:
            here = f"; portraits: {', '.join(self.portraits)}" if self.portraits else ""
            raise SettingsError(f"anchor.character: {error}{here}") from None

    def look(self, wanted: Anchor) -> dict[str, Any]:
        """What is drawn, as `streamer.stages.anchor.AnchorWanted` takes it."""
        character = str(self.portraits.get(wanted.character, wanted.character))
        size = {"width": wanted.size, "height": wanted.size}
        return {"character": character, "background": wanted.background, "mark": wanted.label, **size}

    def consent(self, character: str) -> str | None:
        """What who is shown in a portrait wrote; None for who is drawn."""
        return self._consents.get(character)


DRAWN_ONLY = Cast()


def cast_of(files: Iterable[Path]) -> Cast:
    """The cast with these portraits, each tried.

    Raises:
        ValueError: a file is no portrait, or its name is not one that can be said; says which and why.
    """
    from models.character.look import NAMES
    from models.portrait.points import load

    portraits, consents = {}, {}
    for file in files:
        name = file.stem.lower()
        if not NAME.fullmatch(name) or name in NAMES or name in portraits:
            raise ValueError(f"--portrait {file}: name the file by one word of up to 16 letters that nobody else has")
        likeness = load(file)
        likeness.fitted(SIZE, SIZE)
        portraits[name], consents[name] = file.resolve(), likeness.consent
    return Cast(portraits, consents)
