"""How well the voice is understood, and how near it comes to the woman it learned from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from rich.progress import track
from scipy.signal import resample_poly  # type: ignore[attr-defined]

from models.recipes.kathleen import Kathleen, pitch_of
from models.stt.scoring import edits, spoken_words
from models.tts.features import mel
from tests.bench._speaker import Speaker, Wave

__all__ = ["spectra", "words"]

DRAWS = 2_000
CEPSTRA = 13
SLANT = 10 / np.log(10) * np.sqrt(2)  # Euclidean distance of cepstra -> decibels (Kubichek, 1993)
Makers = dict[str, Callable[[int], Wave]]


def makers(speaker: Speaker, kathleen: Kathleen) -> Makers:
    """Who says the sentence of clip `i`: sound at 24 kHz."""

    def recorded(i: int) -> Wave:
        return np.asarray(kathleen.clips[i], np.float32) / np.float32(32768)

    def copied(i: int) -> Wave:
        return speaker.sound(np.ascontiguousarray(kathleen.features[kathleen.frames(i)].T))

    def made(i: int) -> Wave:
        return speaker.sound(speaker.features(kathleen.texts[i]))

    return {"Kathleen": recorded, "her through the vocoder": copied, "the voice": made}


def listener() -> Callable[[Wave], str]:
    from pocketsphinx import Decoder

    decoder = Decoder(samprate=16_000, loglevel="FATAL")

    def hear(sound: Wave) -> str:
        pcm = np.clip(resample_poly(sound, 2, 3) * 32767, -32768, 32767).astype(np.int16)
        decoder.start_utt()
        decoder.process_raw(np.pad(pcm, 3_200).tobytes(), no_search=False, full_utt=True)
        decoder.end_utt()
        said = decoder.hyp()
        return said.hypstr if said else ""

    return hear


def words(speaker: Speaker, kathleen: Kathleen, *, count: int) -> list[dict[str, str | float]]:
    """Word errors of each maker over held-back recordings, and their ratio to hers with a 95 % interval."""
    hear = listener()
    chosen = evenly(kathleen.held, count)
    prompts = _prompts(kathleen, chosen)
    said = [spoken_words(kathleen.texts[i]) for i in chosen]
    wrong = {}
    for name, make in makers(speaker, kathleen).items():
        heard = [spoken_words(hear(make(i))) for i in track(chosen, name)]
        wrong[name] = np.array([edits(*pair) for pair in zip(said, heard, strict=True)])
    return [
        _words_row(name, errors, wrong["Kathleen"], np.array([len(x) for x in said]), prompts)
        for name, errors in wrong.items()
    ]


def _words_row(
    name: str, errors: NDArray[Any], hers: NDArray[Any], sizes: NDArray[Any], prompts: NDArray[Any]
) -> dict[str, str | float]:
    low, high = np.quantile(_ratios(errors, hers, prompts), [0.025, 0.975])
    return {
        "": name,
        "recordings": str(len(sizes)),
        "sentences": str(len(set(prompts.tolist()))),
        "word errors %": 100 * float(errors.sum() / sizes.sum()),
        "to hers": float(errors.sum() / hers.sum()),
        "95 %": f"{low:.2f}-{high:.2f}",
    }


def _ratios(errors: NDArray[Any], hers: NDArray[Any], prompts: NDArray[Any]) -> NDArray[np.float64]:
    """Drawn anew by sentence, so that takes of one stay together."""
    rng = np.random.default_rng(1)
    total, base = (np.bincount(prompts, weights=x) for x in (errors, hers))
    draws = rng.integers(len(total), size=(DRAWS, len(total)))
    ratios: NDArray[np.float64] = total[draws].sum(1) / base[draws].sum(1)
    return ratios


def _prompts(kathleen: Kathleen, chosen: list[int]) -> NDArray[np.int64]:
    return np.unique([kathleen.texts[i] for i in chosen], return_inverse=True)[1].astype(np.int64)


def evenly(held: list[int], count: int) -> list[int]:
    return [held[i] for i in np.linspace(0, len(held) - 1, min(count, len(held))).astype(int)]


def spectra(speaker: Speaker, kathleen: Kathleen, *, count: int) -> list[dict[str, str | float]]:
    """Distances to the recordings after time is aligned by the cepstra; medians and means over recordings."""
    chosen = evenly(kathleen.held, count)
    whole = makers(speaker, kathleen)
    recorded = whole.pop("Kathleen")
    rows: list[dict[str, str | float]] = []
    for name, make in whole.items():
        found = np.array([distances(make(i), recorded(i)) for i in track(chosen, name)])
        columns = ("MCD dB", "F0 cents", "voicing %", "F0 spread", "band spread")
        rows.append({"": name} | {c: float(np.nanmean(found[:, k])) for k, c in enumerate(columns)})
    return rows


def distances(made: Wave, real: Wave) -> tuple[float, float, float, float, float]:
    """MCD in dB; F0's root mean square error in cents, where both sound; share of frames where one sounds, in %.

    And how much of the recording's variation is there, in F0 and, averaged over them, in the bands.
    """
    ours, hers = (_bands(x) for x in (made, real))
    path = warped(_cepstra(ours), _cepstra(hers))
    apart = np.linalg.norm(_cepstra(ours)[path[0]] - _cepstra(hers)[path[1]], axis=1).mean() * SLANT
    hz, their_hz = pitch_of(made), pitch_of(real)
    a, b = hz[path[0]], their_hz[path[1]]
    both = (a > 0) & (b > 0)
    cents = 1200 * np.log2(a[both] / b[both])
    spread = np.log2(hz[hz > 0]).std() / np.log2(their_hz[their_hz > 0]).std()
    moving = (ours[path[0]].std(0) / hers[path[1]].std(0)).mean()
    return (
        float(apart),
        float(np.sqrt(np.square(cents).mean())),
        float(100 * ((a > 0) != (b > 0)).mean()),
        float(spread),
        float(moving),
    )


def _bands(sound: Wave) -> NDArray[np.float64]:
    """`[T, 80]`, silence at a floor 60 dB below the loudest."""
    bands = mel(torch.from_numpy(sound)[None])[0].T.numpy().astype(np.float64)
    return np.maximum(bands, bands.max() - 60 / 20 * np.log(10))


def _cepstra(bands: NDArray[np.float64]) -> NDArray[np.float64]:
    """`[T, 13]` without the level."""
    made: NDArray[np.float64] = scipy.fft.dct(bands, norm="ortho", axis=1)[:, 1 : CEPSTRA + 1]
    return made / np.sqrt(bands.shape[1] / 2)


def warped(made: NDArray[np.float64], real: NDArray[np.float64]) -> NDArray[np.int64]:
    """The cheapest path through the distances of two sequences, `[2, N]`: dynamic time warping."""
    cost = np.linalg.norm(made[:, None] - real[None], axis=2)
    total = np.full((len(made) + 1, len(real) + 1), np.inf)
    total[0, 0] = 0
    for i in range(len(made)):
        for j in range(len(real)):
            total[i + 1, j + 1] = cost[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    i, j = len(made), len(real)
    path = []
    while i and j:
        path.append((i - 1, j - 1))
        back = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
        i, j = min(back, key=lambda at: float(total[at]))
    return np.array(path[::-1]).T
