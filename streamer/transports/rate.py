"""How much a picture's encoder may spend, by what its viewers say they lose (pure: given `now`).

One encode serves all viewers, so the one who loses most decides. Losses below a tenth are the network's weather, which
retransmission mends; above, we are most likely sending more than the path carries (after the loss-based part of
draft-ietf-rmcat-gcc-02, section 6). A new rate costs a key picture, so the steps are few and wide.
"""

from __future__ import annotations

__all__ = ["LossRate"]

TOO_MUCH, LITTLE = 0.10, 0.02
FALL_EVERY_S, RISE_EVERY_S = 2.0, 8.0
RISE = 1.25
LEAST_BPS = 150_000


class LossRate:
    """A share of the rate that the settings allow: falls with reported loss, rises again while there is little."""

    def __init__(self) -> None:
        self._share = 1.0
        self._moved = float("-inf")

    def told(self, loss: float, now: float) -> None:
        """A viewer's report: the share of packets, 0…1, that it has lost since its last one."""
        if loss > TOO_MUCH and now - self._moved >= FALL_EVERY_S:
            self._move(1 - loss / 2, now)
        elif loss <= LITTLE and now - self._moved >= RISE_EVERY_S:
            self._move(RISE, now)

    def bps(self, allowed_bps: int) -> int:
        """What to spend where `allowed_bps` is the most."""
        return min(allowed_bps, max(LEAST_BPS, round(self._share * allowed_bps)))

    def _move(self, factor: float, now: float) -> None:
        if factor < 1 or self._share < 1:
            self._share, self._moved = min(1.0, self._share * factor), now
