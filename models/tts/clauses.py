"""Text that comes in pieces of any size -> clauses, each given out as soon as its end is certain.

What is decided depends on the text alone, never on how it was cut into pieces: a token counts once a space follows it,
and where the next token decides, that one is waited for. It knows stops, abbreviations and tags; not what words mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from models.tts.marks import BULLET, Token, length_at, read_token
from models.tts.symbols import ENDING, STARTERS, words

__all__ = ["Clauses", "Written"]

EARLY = (5, 9)  # words after which a first clause that no mark ends is cut: at a good place, and anywhere
USUAL = (14, 24)
TIED = 3  # so many words longer rather than cut behind a figure or a small word
GOOD_BREAKS = words(
    "and but or nor so because that which who whom whose when where while if though although unless until "
    "since than as of in on at to for from with without by into over under about after before between through "
    "during"
)
CLINGING = GOOD_BREAKS | words("a an the my your his her its our their this no very")


@dataclass(frozen=True, slots=True)
class Written:
    """A clause as written: its tokens, the pause behind it, and the tags that stood in it."""

    text: str
    begin: int
    tokens: tuple[Token, ...]
    pause: str
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class Clauses:
    """`push` and `flush` give out what is complete; offsets count all the text ever pushed."""

    _text: str = ""  # not in a clause that was given out
    _begin: int = 0  # the offset of `_text`
    _at: int = 0  # how much of `_text` has been read
    _tokens: list[Token] = field(default_factory=list)
    _tags: list[str] = field(default_factory=list)
    _lines: int = 0  # line ends since the last token
    _started: bool = False  # a clause of this text has been given out

    def push(self, text: str) -> list[Written]:
        self._text += text
        given = list(self._read(whole=False))
        keep = self._tokens[0].begin - self._begin if self._tokens else self._at
        self._text, self._begin, self._at = self._text[keep:], self._begin + keep, self._at - keep
        return given

    def flush(self) -> list[Written]:
        """The rest. What comes then is a new text, whose first clause is early again."""
        given = list(self._read(whole=True))
        if self._tokens or self._tags:
            given.append(self._given(self._tokens[-1].mark if self._tokens else ""))
        self._text, self._begin, self._at = "", self._begin + len(self._text), 0
        self._lines, self._started = 0, False
        return given

    def _read(self, *, whole: bool) -> Iterator[Written]:
        while self._at < len(self._text):
            if self._text[self._at].isspace():
                yield from self._space()
                continue
            length = length_at(self._text, self._at, whole=whole)
            if not length:
                return
            raw = self._text[self._at : self._at + length]
            if raw[0] == "<" and raw[-1] == ">" and length > 2:
                self._tags.append(raw)
                self._at += length
            else:
                yield from self._token(raw)

    def _space(self) -> Iterator[Written]:
        """A blank line ends a clause."""
        self._lines += self._text[self._at] == "\n"
        self._at += 1
        if self._lines == 2 and self._tokens:
            yield self._given(self._tokens[-1].mark or ".")

    def _token(self, raw: str) -> Iterator[Written]:
        token = read_token(raw, self._begin + self._at)
        pause = self._pause_before(token, raw) if self._tokens else None
        if pause is not None:
            yield self._given(pause)
        self._at, self._lines = self._at + len(raw), 0
        if token.text:
            self._tokens.append(token)
        if self._tokens and token.mark and not token.doubtful:
            yield self._given(token.mark)

    def _pause_before(self, token: Token, raw: str) -> str | None:
        """The pause between the clause so far and this token; None: they belong together."""
        last = self._tokens[-1]
        if self._lines and BULLET.fullmatch(raw):
            return last.mark or "."
        if last.doubtful and _ends(last, token):
            return last.mark
        if token.opens:
            return ","
        good, most = USUAL if self._started else EARLY
        tied = last.doubtful or last.text[-1].isdigit() or last.text.lower() in CLINGING
        count = sum(token.load for token in self._tokens) - TIED * tied
        return "" if count >= most or (count >= good and token.text.lower() in GOOD_BREAKS) else None

    def _given(self, pause: str) -> Written:
        tokens, tags = tuple(self._tokens), tuple(self._tags)
        self._tokens, self._tags, self._started = [], [], True
        begin = tokens[0].begin if tokens else self._begin + self._at
        return Written(self._text[begin - self._begin : self._at].strip(), begin, tokens, pause, tags)


def _ends(last: Token, following: Token) -> bool:
    """Whether a full stop that may be an abbreviation's ends the sentence."""
    lower, capital = last.text.lower(), following.text[:1].isupper()
    if lower in ("no.", "fig.", "vol.", "ch.", "sec.", "eq.", "nos.", "pp."):
        return not any(c.isdecimal() for c in following.text)
    if lower in ENDING or lower.count(".") > 1:
        return capital and (following.text.lower() in STARTERS or lower in ("etc.", "a.m.", "p.m."))
    return lower == "st." and capital and following.text.lower() in STARTERS
