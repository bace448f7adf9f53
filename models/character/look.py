"""Who the character is: skin, hair, eyes, clothes and the shape of the face, all of it from one seed.

The same seed gives the same person, whatever else is drawn. Knows colours and proportions; not how they are drawn.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from models.character.colour import Colour, mix

__all__ = ["ACCESSORIES", "BACKS", "CLOTHES", "FRINGES", "NAMES", "Look", "look_of", "seeded"]

FRINGES = ("swept", "curtain", "blunt", "tousled", "curls")
BACKS = ("short", "bob", "long", "ponytail", "buns", "curls")
CLOTHES = ("hoodie", "blazer", "turtleneck", "shirt")
ACCESSORIES = ("none", "glasses", "round glasses", "headset", "hair clip")


def _hex(text: str) -> Colour:
    r, g, b = (int(text[place : place + 2], 16) / 255 for place in (0, 2, 4))
    return r, g, b


_SKINS = ("ffe3d3", "fbd6c0", "f3c6a8", "e6b08c", "cf9269", "ab704c", "8a5638", "6b4230")
_HAIRS = ("2b2430", "3c2a2a", "5a3a2c", "7c4a31", "a8683c", "d9a75f", "f0d08c", "b9bccb", "9d3f35")
_DYED = ("9d3f35", "2f4a6d", "4b8f9c", "c97b9a", "7d6bb0", "b9bccb")
_EYES = ("4a7fc1", "3f9b8c", "6aa34a", "8a5a34", "a86b2d", "7a5bb5", "5b6c8c", "b5523f", "4d3527")
_CLOTHES = ("2f3e5c", "40657a", "7a3b4a", "3f5c4a", "d9cdbf", "5b4a7a", "c8684d", "30343f", "e0e3ea", "8a9a5b")


@dataclass(frozen=True, slots=True)
class Look:
    """A person. Colours are `(r, g, b)`, 0…1; the proportions are factors around 1."""

    skin: Colour
    hair: Colour
    iris: Colour
    cloth: Colour
    cloth2: Colour
    fringe: str = "swept"
    back: str = "bob"
    clothes: str = "hoodie"
    accessory: str = "none"
    jaw: float = 1.0  # width
    chin: float = 1.0  # length
    eye: float = 1.0  # size
    tilt: float = 0.0  # of the eyes, outer corners up, in units
    brow: float = 1.0  # thickness
    lashes: float = 1.0
    lips: float = 0.6  # 0: a line only
    freckles: bool = False
    stray: bool = False  # a hair that stays up

    @property
    def ink(self) -> Colour:
        """Of lines on skin: never black."""
        return mix(mix(self.skin, (0.30, 0.10, 0.13), 0.82), (0.1, 0.05, 0.1), 0.25)

    @property
    def shade(self) -> Colour:
        """Skin away from the light: warmer and a little redder."""
        r, g, b = self.skin
        return mix((r * 0.88, g * 0.72, b * 0.70), (0.55, 0.25, 0.35), 0.10)

    @property
    def blush(self) -> Colour:
        return mix(self.skin, (0.93, 0.33, 0.32), 0.55)

    @property
    def lip(self) -> Colour:
        return mix(self.skin, (0.78, 0.27, 0.30), 0.48)

    @property
    def hair_dark(self) -> Colour:
        return mix(self.hair, (0.10, 0.05, 0.14), 0.42)

    @property
    def hair_ink(self) -> Colour:
        return mix(self.hair, (0.07, 0.03, 0.09), 0.68)

    @property
    def hair_light(self) -> Colour:
        return mix(self.hair, (1.0, 0.93, 0.86), 0.32)

    @property
    def brow_colour(self) -> Colour:
        return mix(mix(self.hair, self.ink, 0.35), (0.12, 0.06, 0.08), 0.35)


def seeded(seed: int) -> Look:
    """The person of a seed: hair and eyes that go with the skin, now and then a dyed one."""
    draw = random.Random(f"limelight-character-{seed}")
    tone = draw.randrange(len(_SKINS))
    natural = 5 if tone >= 4 else 9
    hair = _HAIRS[draw.randrange(natural)] if draw.random() < 0.72 else draw.choice(_DYED)
    curly = draw.random() < (0.4 if tone >= 5 else 0.08)
    fringe = "curls" if curly else draw.choice(FRINGES[:4])
    back = draw.choice(("curls", "curls", "buns")) if curly else draw.choice(BACKS[:5])
    masculine = back == "short"
    cloth, cloth2 = draw.sample(_CLOTHES, 2)
    return Look(
        skin=_hex(_SKINS[tone]),
        hair=_hex(hair),
        iris=_hex(draw.choice(_EYES if tone < 5 else _EYES[3:])),
        cloth=_hex(cloth),
        cloth2=_hex(cloth2),
        fringe=fringe,
        back=back,
        clothes=draw.choice(CLOTHES),
        accessory=draw.choice((*ACCESSORIES, "none")),
        jaw=draw.uniform(1.0, 1.1) if masculine else draw.uniform(0.9, 1.0),
        chin=draw.uniform(0.97, 1.05),
        eye=draw.uniform(0.86, 0.95) if masculine else draw.uniform(0.96, 1.08),
        tilt=draw.uniform(-1.5, 3.5),
        brow=draw.uniform(1.2, 1.6) if masculine else draw.uniform(0.75, 1.1),
        lashes=draw.uniform(0.65, 0.85) if masculine else draw.uniform(0.95, 1.25),
        lips=draw.uniform(0.1, 0.35) if masculine else draw.uniform(0.5, 1.0),
        freckles=draw.random() < 0.2,
        stray=draw.random() < 0.45 and fringe != "tousled",
    )


_ADA = Look(
    skin=_hex("fbd6c0"), hair=_hex("5a3a2c"), iris=_hex("3f9b8c"), cloth=_hex("2f3e5c"), cloth2=_hex("e0e3ea"),
    fringe="swept", back="bob", clothes="blazer", stray=True,
)  # fmt: skip
NAMES = {
    "ada": _ADA,
    "kofi": replace(
        _ADA, skin=_hex("8a5638"), hair=_hex("2b2430"), iris=_hex("4d3527"), cloth=_hex("c8684d"), back="short",
        fringe="curls", clothes="hoodie", jaw=1.06, eye=0.92, brow=1.4, lashes=0.75, lips=0.4, accessory="headset",
    ),
    "mei": replace(
        _ADA, skin=_hex("ffe3d3"), hair=_hex("2b2430"), iris=_hex("8a5a34"), cloth=_hex("7a3b4a"), back="long",
        fringe="blunt", clothes="turtleneck", tilt=2.5, accessory="hair clip", stray=False,
    ),
    "leo": replace(
        _ADA, skin=_hex("f3c6a8"), hair=_hex("d9a75f"), iris=_hex("4a7fc1"), cloth=_hex("3f5c4a"), back="short",
        fringe="tousled", clothes="shirt", jaw=1.07, eye=0.9, brow=1.35, lashes=0.7, lips=0.2, accessory="glasses",
        stray=False,
    ),
}  # fmt: skip


def look_of(character: str) -> Look:
    """The person called `character`: one of `NAMES`, or any whole number as a seed.

    Raises:
        ValueError: it is neither.
    """
    if character.lower() in NAMES:
        return NAMES[character.lower()]
    if character.isdecimal():
        return seeded(int(character))
    raise ValueError(f"there is no character {character!r}; say {', '.join(NAMES)} or any whole number")
