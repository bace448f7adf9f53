"""What the voice says between text and sound: 82 rows, 100 times a second, of sound at 24 kHz.

Rows 0 to 79 are a log-mel spectrum, row 80 is `log2(F0 / 200 Hz)`, carried on through unvoiced parts, row 81 is 1 where
the voice sounds and 0 elsewhere. Knows nothing of how F0 is found (a recipe's task), of phones or of the vocoder.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor

__all__ = ["BANDS", "FEATURES", "FRAMES_A_SECOND", "HOP", "LOG_FLOOR", "PITCH_HZ", "PITCH_ROW", "VOICED_ROW"]
__all__ += ["VOICE_HZ", "WINDOW", "band_weights", "mel"]

VOICE_HZ = 24_000
HOP = 240
FRAMES_A_SECOND = VOICE_HZ // HOP
WINDOW = 1024
BANDS = 80
PITCH_ROW, VOICED_ROW = BANDS, BANDS + 1
FEATURES = BANDS + 2
PITCH_HZ = 200.0  # where row 80 is 0
LOG_FLOOR = 1e-5


def mel(sound: Tensor) -> Tensor:
    """`[B, T]` at 24 kHz, within ±1 -> natural log of mel magnitudes `[B, 80, T // HOP]`, silence at `log(1e-5)`.

    Frame `n` looks at the 1024 samples around the middle of its hop, sample `240 n + 120`.
    """
    sound = sound[..., : sound.shape[-1] // HOP * HOP]
    around = (WINDOW - HOP) // 2
    frames = F.pad(sound, (around, around)).unfold(-1, WINDOW, HOP)  # [B, N, 1024]
    window = torch.hann_window(WINDOW, device=sound.device, dtype=sound.dtype)
    filters = _filters().to(sound)
    bands: Tensor = torch.fft.rfft(frames * window).abs() @ filters
    return bands.clamp(min=LOG_FLOOR).log().transpose(-1, -2)


@cache
def _filters() -> Tensor:
    """Slaney's triangles over the whole spectrum, each of area 1: `[513, 80]`."""
    made: Tensor = torchaudio.functional.melscale_fbanks(
        WINDOW // 2 + 1, 0.0, VOICE_HZ / 2, BANDS, VOICE_HZ, norm="slaney", mel_scale="slaney"
    )
    return made


def band_weights(size: int) -> Tensor:
    """Weights `[80, size / 2 + 1]` that draw a line through the bands' values at their middles, bin by bin."""
    filters = _filters()  # [513, 80]
    hz = torch.linspace(0, VOICE_HZ / 2, WINDOW // 2 + 1)
    middles = (filters * hz[:, None]).sum(0) / filters.sum(0)
    bins = torch.linspace(0, VOICE_HZ / 2, size // 2 + 1).clamp(float(middles[0]), float(middles[-1]))
    above = torch.searchsorted(middles, bins).clamp(1, BANDS - 1)
    share = (bins - middles[above - 1]) / (middles[above] - middles[above - 1])
    bands = torch.arange(BANDS)[:, None]
    return (bands == above) * share + (bands == above - 1) * (1 - share)
