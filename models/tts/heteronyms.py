"""Words that are spelled alike and said in two ways, told apart by the word before and the word after.

A short list of rules, right for most sentences and not for all; a user's lexicon overrules it.
"""

from __future__ import annotations

from models.tts.symbols import words

__all__ = ["heteronym"]

Phones = tuple[str, ...]

DETERMINERS = words("a an the this that my your his her its our their no any every each some one of in")
DETERMINERS |= words("new good live daily main first last next for by with")
VERBAL = words("to will would can could shall should may might must do does did not don't didn't i you we they")
VERBAL |= words("please let's won't can't cannot i'll you'll we'll they'll who and then")
PERFECT = words("have has had having was were is are be been being i've you've we've they've he'd she'd just")
PERFECT |= words("already never ever yesterday he she it")
SHOWN = words("stream streams streaming video music show shows audio captions broadcast event concert demo on at in")
SHOWN |= words("from sound picture session coverage chat performance subtitles now today tonight again")
VOWELS = tuple("AEIOU")

# As a thing (or by default), and as something one does.
NOUN_VERB = {
    "use": ("Y UW1 S", "Y UW1 Z"),
    "excuse": ("IH0 K S K Y UW1 S", "IH0 K S K Y UW1 Z"),
    "abuse": ("AH0 B Y UW1 S", "AH0 B Y UW1 Z"),
    "house": ("HH AW1 S", "HH AW1 Z"),
    "record": ("R EH1 K ER0 D", "R AH0 K AO1 R D"),
    "records": ("R EH1 K ER0 D Z", "R AH0 K AO1 R D Z"),
    "present": ("P R EH1 Z AH0 N T", "P R IY0 Z EH1 N T"),
    "object": ("AA1 B JH EH0 K T", "AH0 B JH EH1 K T"),
    "project": ("P R AA1 JH EH0 K T", "P R AA0 JH EH1 K T"),
    "content": ("K AA1 N T EH0 N T", "K AH0 N T EH1 N T"),
    "conduct": ("K AA1 N D AH0 K T", "K AH0 N D AH1 K T"),
    "contract": ("K AA1 N T R AE2 K T", "K AH0 N T R AE1 K T"),
    "permit": ("P ER1 M IH2 T", "P ER0 M IH1 T"),
    "produce": ("P R OW1 D UW0 S", "P R AH0 D UW1 S"),
    "progress": ("P R AA1 G R EH2 S", "P R AH0 G R EH1 S"),
    "protest": ("P R OW1 T EH2 S T", "P R AH0 T EH1 S T"),
    "refuse": ("R EH1 F Y UW2 Z", "R AH0 F Y UW1 Z"),
    "subject": ("S AH1 B JH IH0 K T", "S AH0 B JH EH1 K T"),
    "import": ("IH1 M P AO2 R T", "IH2 M P AO1 R T"),
    "export": ("EH1 K S P AO0 R T", "IH0 K S P AO1 R T"),
    "increase": ("IH1 N K R IY2 S", "IH0 N K R IY1 S"),
    "decrease": ("D IY1 K R IY2 S", "D IH0 K R IY1 S"),
    "upload": ("AH1 P L OW2 D", "AH0 P L OW1 D"),
    "update": ("AH1 P D EY2 T", "AH0 P D EY1 T"),
    "separate": ("S EH1 P ER0 IH0 T", "S EH1 P ER0 EY2 T"),
    "estimate": ("EH1 S T AH0 M AH0 T", "EH1 S T AH0 M EY2 T"),
    "duplicate": ("D UW1 P L AH0 K AH0 T", "D UW1 P L AH0 K EY2 T"),
    "close": ("K L OW1 S", "K L OW1 Z"),
    "wind": ("W IH1 N D", "W AY1 N D"),
    "tear": ("T IH1 R", "T EH1 R"),
    "lead": ("L IY1 D", "L IY1 D"),
    "live": ("L AY1 V", "L IH1 V"),
}
VERBS_FIRST = frozenset({"use", "refuse", "close", "live", "produce", "separate", "tear"})  # after nothing that tells


def heteronym(word: str, *, before: str, following: Phones, after: str) -> Phones | None:
    """How `word` is said here; None if it is always said alike. `following`: the phones of the word `after`."""
    if word == "the":
        return ("DH", "IY0") if following and following[0].startswith(VOWELS) else ("DH", "AH0")
    if word == "a":
        return ("AH0",)
    if word == "read":
        return ("R", "EH1", "D") if before in PERFECT else ("R", "IY1", "D")
    if word == "live" and (after in SHOWN or before in ("go", "going", "goes", "went", "a", "the")):
        return tuple(NOUN_VERB["live"][0].split())
    if word not in NOUN_VERB:
        return None
    verb = before in VERBAL or (before not in DETERMINERS and word in VERBS_FIRST)
    return tuple(NOUN_VERB[word][verb].split())
