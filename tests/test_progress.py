"""Progress for a log: little of it."""

from __future__ import annotations

import pytest

from streamer.progress import downloads


def test_a_download_is_announced_once(capsys: pytest.CaptureFixture[str]) -> None:
    with downloads() as progress:
        first, second = progress("weights.pt"), progress("pieces.model")
        for here in (1_000_000, 2_000_000, 300_000_000):
            first(here, 300_000_000)
        second(1000, None)
    assert capsys.readouterr().err.splitlines() == ["downloading weights.pt (300 MB)", "downloading pieces.model"]
