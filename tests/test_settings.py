"""Settings: a part changes what it names; everything else is an error that helps."""

import pytest

from streamer.settings import Settings, SettingsError, merge


def test_a_part_changes_only_what_it_names():
    changed = merge(Settings(), {"enhance": {"strength": 0.5}, "level": {"on": True}})
    assert changed.enhance.strength == 0.5
    assert changed.enhance.on
    assert changed.level.on
    assert changed.limiter == Settings().limiter


def test_a_list_replaces_the_list():
    words = merge(Settings(), {"captions": {"hot_words": ["Ada Lovelace"]}})
    assert merge(words, {"captions": {"on": True}}).captions.hot_words == ("Ada Lovelace",)
    assert merge(words, {"captions": {"hot_words": []}}).captions.hot_words == ()


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"enhanse": {}}, "did you mean 'enhance'"),
        ({"enhance": {"strenght": 1.0}}, "did you mean 'strength'"),
        ({"enhance": {"strength": 1.5}}, r"0\.0 to 1\.0"),
        ({"level": {"target_lufs": -60}}, r"-30\.0 to -12\.0"),
        ({"limiter": {"ceiling_db": 3}}, r"-12\.0 to 0\.0"),
        ({"picture": {"bitrate_kbps": 5}}, "100 to 20000"),
        ({"picture": {"bitrate_kbps": 2.5}}, "picture.bitrate_kbps"),
        ({"enhance": {"on": "yes"}}, "enhance.on"),
        ({"enhance": {"strength": float("nan")}}, "enhance.strength"),
        ({"enhance": True}, "enhance"),
        ({"captions": {"hot_words": ["Ada", 7]}}, r"captions\.hot_words\.1: .*string"),
        ({"captions": {"hot_words": "Ada"}}, "captions.hot_words"),
        ({"captions": {"hot_words": ["x"] * 201}}, "at most 200"),
        ([1], "must be an object"),
        (None, "must be an object"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(part, text):
    with pytest.raises(SettingsError, match=text):
        merge(Settings(), part)
