"""Colours as `(r, g, b)` in 0…1, and mixtures of them."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["Colour", "mix"]

Colour = tuple[float, float, float]


@lru_cache(maxsize=4096)
def mix(one: Colour, other: Colour, share: float) -> Colour:
    """`share` of `other` in `one`."""
    r, g, b = (a + (c - a) * share for a, c in zip(one, other, strict=True))
    return r, g, b
