"""What stands between two spaces: how far it goes, the marks around it, whether a full stop may be an abbreviation's.

It sees one token at a time and knows nothing of sentences.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from models.tts.symbols import ENDING, NEVER_LAST
from models.tts.wording import is_address

__all__ = ["BULLET", "Token", "length_at", "read_token"]

LONGEST = 64  # characters without a space; what is longer is cut
LONGEST_ADDRESS = 2048
LONGEST_TAG = 200
OPENING = "\"'([{*_`“‘«„¿¡•#~"
BRACKETS = "([{"
CLOSING = "\"')]}*_`”’»~"
PAUSES = {**dict.fromkeys(".…。", "."), **dict.fromkeys("?？؟", "?"), **dict.fromkeys("!！", "!")}
PAUSES |= {**dict.fromkeys(":：", ":"), **dict.fromkeys(",;，、；—–", ",")}
STRONG = ("?", "!", ".", ":", ",")  # of several marks the first of these counts
TAG = re.compile(r"<[/!?]?[A-Za-z][^<>\n]*>")
TAG_BEGINS = re.compile(r"<[/!?]?(?:[A-Za-z][^<>\n]*)?")
TAG_INSIDE = re.compile(r"<(?=[/!?]?[A-Za-z])")
ADDRESS_BEGINS = re.compile(r"(?:https?://|www\.)\S", re.IGNORECASE)
CUT_INSIDE = re.compile(r"—|--+|…(?=\w)|[;!?]+(?=[^\W\d])|,(?=[^\W\d])|(?<=[a-z]{2})\.(?=[A-Z][a-z])|[，。、；：？！]")
BULLET = re.compile(r"[-*•–]|\d{1,3}[.)]|#{1,6}|[a-z]\)")
AREA_CODE = re.compile(r"\(\d{3}\)")
DOTTED = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]")  # U.S, J


@dataclass(frozen=True, slots=True)
class Token:
    """The text without the marks around it, and the pause that those ask for."""

    text: str
    begin: int
    mark: str = ""
    doubtful: bool = False  # a full stop that may be an abbreviation's
    opens: bool = False  # behind a bracket

    @property
    def end(self) -> int:
        return self.begin + len(self.text)

    @property
    def load(self) -> int:
        """About how many words it is said with."""
        figures = sum(c.isdecimal() or not c.isalnum() for c in self.text)
        return 1 + len(self.text) // 12 + figures // 3


def length_at(text: str, at: int, *, whole: bool) -> int:
    """How long the token or tag at `at` is; 0 while more text may lengthen it. `whole`: no more text comes."""
    if text[at] == "<" and (tag := TAG.match(text, at, at + LONGEST_TAG)):
        return tag.end() - at
    if text[at] == "<" and not whole and _may_become_tag(text, at):
        return 0
    most = LONGEST_ADDRESS if ADDRESS_BEGINS.match(text, at) else LONGEST
    end = next((i for i in range(at + 1, min(len(text), at + most)) if text[i].isspace()), None)
    if end is None:
        if len(text) < at + most and not whole:
            return 0
        end = min(len(text), at + most)
    run = text[at:end]
    if inner := TAG_INSIDE.search(run, 1):
        return inner.start()
    cut = None if is_address(run.strip(OPENING + CLOSING + ".,;:!?")) else CUT_INSIDE.search(run)
    return cut.end() if cut else len(run)


def _may_become_tag(text: str, at: int) -> bool:
    found = TAG_BEGINS.match(text, at, at + LONGEST_TAG)
    return found is not None and found.end() == len(text) and len(text) - at < LONGEST_TAG


def read_token(raw: str, begin: int) -> Token:
    """The token in `raw`; one of marks alone has no text."""
    if AREA_CODE.fullmatch(raw):
        return Token(raw, begin)
    core = raw.lstrip(OPENING)
    opening = raw[: len(raw) - len(core)]
    core, begin = _kept_sign(raw, core, begin)
    bare = core.rstrip(CLOSING + "".join(PAUSES))
    tail = core[len(bare) :]
    marks = {PAUSES[c] for c in tail if c in PAUSES}
    mark = next((c for c in STRONG if c in marks), "," if set(tail) & set(")]}") else "")
    mark = "" if mark == "." and not bare else mark
    if not bare:
        return Token("", begin, "," if raw in ("-", "–", "—", "--") else mark)
    opens = any(c in opening for c in BRACKETS)
    if tail.startswith(".") and not tail.startswith("..") and _abbreviates(bare):
        certain = next((c for c in ("?", "!", ":", ",") if c in marks), "")
        return Token(f"{bare}.", begin, certain or ".", not certain, opens)
    return Token(bare, begin, mark, False, opens)


def _kept_sign(raw: str, core: str, begin: int) -> tuple[str, int]:
    """`#5`, `~5` and `'90s` keep what stands before the figures."""
    cut = len(raw) - len(core)
    cut -= bool(cut and core[:1].isdecimal() and raw[cut - 1] in "#'~")
    return raw[cut:], begin + cut


def _abbreviates(bare: str) -> bool:
    lower = f"{bare.lower()}."
    return lower in NEVER_LAST or lower in ENDING or (DOTTED.fullmatch(bare) is not None and bare not in ("I", "a"))
