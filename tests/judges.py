"""Speech, noise, beeps and flashes, and the judges of what comes back: by media clocks, never by when a test looked."""

from __future__ import annotations

import difflib
import io
import re
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = [
    "HZ",
    "SENTENCE",
    "TEXT",
    "Mixture",
    "beeps",
    "lags_ms",
    "level_db",
    "likeness",
    "mixture",
    "rises",
    "si_sdr_db",
    "si_sdr_gain_db",
    "wav",
]

HZ = 48_000
STEADY_SAMPLES = 12
SENTENCE = "Please call Stella and ask her to bring these things with her from the store."
TEXT = f"The quick brown fox jumps over the lazy dog, while seven wizards make boxes of quartz. {SENTENCE}"


@dataclass(frozen=True, slots=True)
class Mixture:
    """Known speech and the same in noise, at 48 kHz."""

    clean: np.ndarray
    noisy: np.ndarray


def mixture(folder: Path, *, text: str = TEXT, snr_db: float = 0.0) -> Mixture:
    """A sentence from espeak-ng in hiss."""
    path = folder / "speech.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", str(path), text], check=True)
    with wave.open(str(path)) as file:
        rate, samples = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    clean = _resampled(samples, rate)
    clean *= 0.1 / np.sqrt(np.mean(clean**2))
    noise = np.random.default_rng(7).standard_normal(len(clean))
    noise *= 0.1 * 10 ** (-snr_db / 20) / np.sqrt(np.mean(noise**2))
    return Mixture(clean.astype(np.float32), (clean + noise).astype(np.float32))


def wav(samples: np.ndarray) -> bytes:
    """Mono 16-bit WAV at 48 kHz."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(HZ)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def _resampled(samples: np.ndarray, rate: int) -> np.ndarray:
    length = len(samples) * HZ // rate
    return np.fft.irfft(np.fft.rfft(samples), length) * (length / len(samples))


def si_sdr_db(clean: np.ndarray, heard: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al., 2019)."""
    clean, heard = clean - clean.mean(), heard - heard.mean()
    target = clean * (heard @ clean) / (clean @ clean)
    return float(10 * np.log10((target @ target) / ((heard - target) @ (heard - target) + 1e-12)))


def si_sdr_gain_db(mix: Mixture, heard: np.ndarray, *, window_s: float = 0.5) -> tuple[float, float]:
    """`(before, gain)`: medians over windows that hold speech, each aligned alone.

    `heard` may hold any stretch of the looped mixture; windows that are not found in it, or in which the browser
    stretched time, are left out.
    """
    size = int(window_s * HZ)
    loud = np.sqrt(np.mean(mix.clean**2)) * 0.5
    find = _Finder(heard)
    before, after = [], []
    for start in range(0, len(mix.clean) - size, size):
        clean = mix.clean[start : start + size]
        if np.sqrt(np.mean(clean**2)) < loud:
            continue
        lag, likeness = find(clean)
        halves = find(clean[: size // 2])[0], find(clean[size // 2 :])[0] - size // 2
        if likeness < 0.5 or max(abs(half - lag) for half in halves) > STEADY_SAMPLES:
            continue
        before.append(si_sdr_db(clean, mix.noisy[start : start + size]))
        after.append(si_sdr_db(clean, heard[lag : lag + size]))
    assert len(before) >= 4, f"only {len(before)} windows of the speech came back"
    return float(np.median(before)), float(np.median(np.array(after) - before))


class _Finder:
    """Looks for pieces of sound in a longer one."""

    def __init__(self, heard: np.ndarray) -> None:
        self._heard = heard.astype(np.float64)
        self._length = 1 << (len(heard) - 1).bit_length()
        self._spectrum = np.fft.rfft(self._heard, self._length)
        self._energy = np.concatenate(([0.0], np.cumsum(self._heard**2)))

    def __call__(self, piece: np.ndarray) -> tuple[int, float]:
        """Where `piece` is most alike, and the normalised correlation there."""
        found = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(piece, self._length)), self._length)
        energy = self._energy[len(piece) :] - self._energy[: -len(piece)]
        likeness = found[: len(energy)] / np.sqrt(np.maximum(energy, 1e-6) * (piece @ piece))
        lag = int(np.argmax(likeness))
        return lag, float(likeness[lag])


def level_db(samples: np.ndarray) -> float:
    """RMS in dBFS."""
    return float(10 * np.log10(np.mean(np.asarray(samples, np.float64) ** 2) + 1e-12))


def beeps(samples: np.ndarray, *, hz: float = 1000.0) -> np.ndarray:
    """Sample numbers at which a tone of `hz` sets in: half of the way to its loudest, over 5 ms."""
    turn = np.exp(-2j * np.pi * hz / HZ * np.arange(len(samples)))
    width = HZ // 200
    total = np.concatenate(([0], np.cumsum(samples * turn)))
    strength = np.abs(total[width:] - total[:-width]) / width
    over = strength > 0.5 * np.quantile(strength, 0.995)
    starts = np.flatnonzero(over[1:] & ~over[:-1])
    # A tone that flutters sets in once.
    return starts[np.diff(starts, prepend=-HZ) > HZ // 4]


def rises(log: list[dict[str, float]]) -> np.ndarray:
    """Times (ms) at which the picture turned bright; a rise beside a missed picture tells no time."""
    return np.array(
        [
            now["at"]
            for last, now in zip(log, log[1:], strict=False)
            if last["light"] < 128 <= now["light"] and now["count"] == last["count"] + 1
        ]
    )


def lags_ms(there: np.ndarray, back: np.ndarray, *, period_ms: float = 1000.0) -> np.ndarray:
    """How long after each event of `there` the one of `back` came (ms), less than a period."""
    pairs = [(one, back[np.searchsorted(back, one)]) for one in there if len(back) and one < back[-1]]
    lags = np.array([after - one for one, after in pairs])
    return lags[lags < period_ms]


def likeness(text: str, heard: str) -> float:
    """How much of a text is found in what was heard, in its order: words, whatever their case and punctuation."""
    wanted, found = (re.sub(r"[^a-z' ]", "", each.lower()).split() for each in (text, heard))
    same = difflib.SequenceMatcher(None, wanted, found, autojunk=False).get_matching_blocks()
    return sum(block.size for block in same) / len(wanted)
