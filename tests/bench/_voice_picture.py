"""A picture of a held-back sentence: the woman's reading above the voice's, mel bands and pitch."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.recipes.kathleen import Kathleen, features_of
from models.tts.features import BANDS, FRAMES_A_SECOND, PITCH_HZ, PITCH_ROW, VOICED_ROW
from tests.bench._speaker import Speaker, Wave

__all__ = ["picture"]


def picture(speaker: Speaker, kathleen: Kathleen, path: Path) -> list[dict[str, str | float]]:
    """Writes a PNG of the sentence in the middle of those held back."""
    import matplotlib.pyplot as plt

    i = kathleen.held[len(kathleen.held) // 2]
    text = kathleen.texts[i]
    real = kathleen.features[kathleen.frames(i)].T
    made = features_of(speaker.sound(speaker.features(text)))
    figure, axes = plt.subplots(2, 1, figsize=(10, 5), sharex=True, layout="constrained")
    for axis, features, title in zip(axes, (real, made), ("Kathleen", "the voice"), strict=True):
        _draw(axis, features, f"{title}: {text}")
    figure.savefig(path, dpi=80)
    return [{"": title, "seconds": x.shape[1] / FRAMES_A_SECOND} for title, x in (("Kathleen", real), ("voice", made))]


def _draw(axis, features: Wave, title: str) -> None:  # type: ignore[no-untyped-def]
    seconds = features.shape[1] / FRAMES_A_SECOND
    axis.imshow(features[:BANDS], origin="lower", aspect="auto", extent=(0, seconds, 0, BANDS), vmin=-9, vmax=0)
    times = (np.arange(features.shape[1]) + 0.5) / FRAMES_A_SECOND
    hz = np.where(features[VOICED_ROW] > 0.5, PITCH_HZ * 2 ** features[PITCH_ROW], np.nan)
    pitch = axis.twinx()
    pitch.plot(times, hz, "w", linewidth=1.5)
    pitch.set(ylim=(50, 450), ylabel="F0 Hz")
    axis.set(title=title, ylabel="mel band")
