"""Who may be an anchor: names only, and portraits that were there when the server started."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("skia", reason="drawing needs libEGL: apt install libegl1 libgl1", exc_type=ImportError)

import server
from streamer.settings import Anchor, Settings, SettingsError, merge
from streamer.stages.cast import DRAWN_ONLY, Cast, cast_of
from tests.likenesses import CONSENT, likeness


def refusal(cast: Cast, **anchor: str) -> str:
    with pytest.raises(SettingsError) as refused:
        cast.check(merge(Settings(), {"anchor": anchor}).anchor)
    return str(refused.value)


def test_a_portrait_is_somebody_of_the_cast_under_the_name_of_its_file(tmp_path: Path) -> None:
    cast = cast_of([likeness(tmp_path)])
    wanted = Anchor(character="me", size=256)
    cast.check(wanted)
    look = cast.look(wanted)
    assert Path(look["character"]) == tmp_path / "me.json" and look["mark"] and look["width"] == 256
    assert cast.consent("me") == CONSENT and cast.consent("ada") is None
    assert cast.look(Anchor(character="12"))["character"] == "12"


def test_only_names_are_taken_and_what_a_portrait_cannot_do_is_said(tmp_path: Path) -> None:
    cast = cast_of([likeness(tmp_path)])
    assert "portraits: me" in refusal(cast, character="you")
    assert "no character 'me'" in refusal(DRAWN_ONLY, character="me")
    assert "that of its picture" in refusal(cast, character="me", background="none")
    for path in (str(tmp_path / "me.json"), "me.json", "../me"):
        assert "anchor.character" in refusal(cast, character=path)


@pytest.mark.parametrize("name", ["ada.json", "me2.json", "a-very-long-name-of-mine.json"])
def test_a_portrait_needs_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name the file by one word"):
        cast_of([likeness(tmp_path).rename(tmp_path / name)])


def test_a_server_does_not_start_with_a_portrait_that_cannot_be_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert server.main(["--portrait", str(likeness(tmp_path, consent="yes"))]) == 2
    assert "consent" in capsys.readouterr().err
    assert server.main(["--portrait", str(tmp_path / "none.json")]) == 2
