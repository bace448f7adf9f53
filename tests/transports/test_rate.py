"""The picture's rate by loss: weather is ridden out, a path that is too narrow is met, and left again slowly."""

from __future__ import annotations

from streamer.transports.rate import LEAST_BPS, LossRate

ALLOWED = 2_500_000


def after(losses: list[float], rate: LossRate | None = None, *, begin: float = 0.0) -> list[int]:
    """The rate after each of these reports, one a second."""
    rate = rate or LossRate()
    found = []
    for second, loss in enumerate(losses):
        rate.told(loss, begin + second)
        found.append(rate.bps(ALLOWED))
    return found


def test_a_little_loss_changes_nothing() -> None:
    assert set(after([0.0, 0.05, 0.01, 0.09] * 20)) == {ALLOWED}


def test_much_loss_brings_it_down_in_steps_to_a_floor() -> None:
    found = after([0.3] * 60)
    assert found[0] == round(0.85 * ALLOWED)
    assert found[0] == found[1] > found[2]
    assert found[-1] == LEAST_BPS


def test_it_comes_back_slowly_and_no_higher_than_allowed() -> None:
    rate = LossRate()
    low = after([0.4] * 4, rate)[-1]
    found = after([0.0] * 60, rate, begin=4.0)
    assert low == round(0.64 * ALLOWED)
    assert found[4] == low < found[7]
    assert found[-1] == ALLOWED
    assert len(set(found)) <= 4


def test_the_worst_viewer_decides() -> None:
    rate = LossRate()
    for second in range(30):
        rate.told(0.0, second)
        rate.told(0.2, second)
    assert rate.bps(ALLOWED) < ALLOWED / 2


def test_a_low_setting_is_kept() -> None:
    assert LossRate().bps(100_000) == 100_000
