"""What a person may change while a session runs: validated, frozen, every field with its range.

Knows the names and ranges only; stages read the current value at every hop.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.tts.types import Controls

__all__ = [
    "Anchor",
    "Captions",
    "Changer",
    "Enhance",
    "Level",
    "Limiter",
    "Picture",
    "Settings",
    "SettingsError",
    "Voice",
    "merge",
]

BLEEP = r"^[^\W_][\w'’-]{0,39}\*?$"  # one word, or how words begin: damn, damn*


class SettingsError(ValueError):
    """A setting that does not exist or is out of range; the text names the nearest known one or the range."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Enhance(_Frozen):
    """Noise removal: at strength s nothing is lowered by more than −20·log10(1 − s) dB."""

    on: bool = True
    strength: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0


class Level(_Frozen):
    """Automatic level to a short-term loudness (EBU R128)."""

    on: bool = False
    target_lufs: Annotated[float, Field(ge=-30.0, le=-12.0)] = -18.0


class Limiter(_Frozen):
    """Peaks stay under a ceiling in dBFS."""

    on: bool = True
    ceiling_db: Annotated[float, Field(ge=-12.0, le=0.0)] = -1.0


class Changer(_Frozen):
    """Another voice out of the person's: its pitch and its formants, each so many semitones up or down.

    Only where the server was started with `--changer`.
    """

    on: bool = False
    pitch: Annotated[float, Field(ge=-12.0, le=12.0)] = 0.0
    formants: Annotated[float, Field(ge=-12.0, le=12.0)] = 0.0


class Picture(_Frozen):
    """The encoded picture that viewers get."""

    bitrate_kbps: Annotated[int, Field(ge=100, le=20_000)] = 2_500


class Captions(_Frozen):
    """What is said, as text; `hot_words` are names and terms that are likely to be said.

    `source`: the sound that is listened to. `burn`: drawn into the picture, at `size` times the usual, at `position`.
    `hold`: caption-true mode, picture and sound wait `hold_s` for their words; there what is in `bleep` is not heard.
    """

    on: bool = False
    source: Literal["raw", "clean"] = "raw"
    burn: bool = False
    size: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    position: Literal["bottom", "top"] = "bottom"
    hold: bool = False
    hold_s: Annotated[float, Field(ge=0.5, le=10.0)] = 2.5
    bleep: Annotated[tuple[Annotated[str, Field(pattern=BLEEP)], ...], Field(max_length=500, strict=False)] = ()
    hot_words: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=60)], ...], Field(max_length=200, strict=False)
    ] = ()


class Voice(_Frozen):
    """How the session's own voice speaks; `pause`: how long its pauses last. `barge_in`: who speaks interrupts it."""

    speed: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    pitch_semitones: Annotated[float, Field(ge=-12.0, le=12.0)] = 0.0
    energy_db: Annotated[float, Field(ge=-12.0, le=12.0)] = 0.0
    pause: Annotated[float, Field(ge=0.0, le=3.0)] = 1.0
    barge_in: bool = True

    @property
    def controls(self) -> Controls:
        return Controls(self.speed, self.pitch_semitones, self.energy_db, self.pause)


class Anchor(_Frozen):
    """A drawn person in the camera's place, marked as synthetic by a `label`; `source`: whose voice or text
    moves the mouth, or whose face before the camera moves all of it.

    `character`: a name or a whole number, each another person of the cast (`streamer/stages/cast.py`). `background`:
    `studio`, a colour, or `none`, which sends colour on the left and how opaque it is on the right, for
    `/overlay/anchor/NAME`. `size`: of the picture's sides.
    """

    on: bool = False
    source: Literal["voice", "text", "face"] = "voice"
    character: Annotated[str, Field(pattern=r"^([a-z]{1,16}|[0-9]{1,9})$")] = "ada"
    emotion: Literal["neutral", "happy", "sad", "surprised", "angry"] = "neutral"
    background: Annotated[str, Field(pattern=r"^(studio|none|#[0-9a-fA-F]{6})$")] = "studio"
    label: bool = True
    size: Annotated[int, Field(ge=128, le=1080, multiple_of=2)] = 512


class Settings(_Frozen):
    """All of a session's live settings, as in docs/protocol.md."""

    enhance: Enhance = Enhance()
    changer: Changer = Changer()
    level: Level = Level()
    limiter: Limiter = Limiter()
    picture: Picture = Picture()
    captions: Captions = Captions()
    voice: Voice = Voice()
    anchor: Anchor = Anchor()


def merge(settings: Settings, part: object) -> Settings:
    """`settings` with the given part replaced.

    Raises:
        SettingsError: a key that is unknown, a value of the wrong type or out of range; nothing is changed then.
    """
    if not isinstance(part, Mapping):
        raise SettingsError('settings must be an object, such as {"enhance": {"strength": 0.8}}')
    merged: dict[str, Any] = settings.model_dump()
    for key, value in part.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            merged[key] = merged[key] | dict(value)
        else:
            merged[key] = value
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(item) for item in error.errors())) from None


def _explain(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return _unknown(where, item["loc"])
    allowed = _range(item["loc"])
    return f"{where}: {item['msg'][0].lower()}{item['msg'][1:]}" + (f" (allowed: {allowed})" if allowed else "")


def _unknown(where: str, loc: tuple[str | int, ...]) -> str:
    model = _model(loc[:-1])
    known = list(model.model_fields)
    near = get_close_matches(str(loc[-1]), known, n=1, cutoff=0.0)
    return f"{where}: no such setting; did you mean {near[0]!r}? (known: {', '.join(known)})"


def _model(loc: tuple[str | int, ...]) -> type[BaseModel]:
    model: type[BaseModel] = Settings
    for name in loc:
        annotation = model.model_fields[str(name)].annotation
        assert isinstance(annotation, type)
        model = annotation
    return model


def _range(loc: tuple[str | int, ...]) -> str:
    if isinstance(loc[-1], int):
        return ""  # an item of a list: the message says enough
    fields = _model(loc[:-1]).model_fields
    if loc[-1] not in fields:
        return ""
    bounds = {type(item).__name__: item for item in fields[loc[-1]].metadata}
    if "Ge" not in bounds or "Le" not in bounds:
        return ""
    return f"{bounds['Ge'].ge} to {bounds['Le'].le}"
