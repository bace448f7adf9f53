"""Another voice out of the same speech: pitch and formants moved apart from each other, live, 30 ms behind.

A phase vocoder that moves the neighbourhood of each peak as one (Laroche and Dolson, "New phase-vocoder techniques for
pitch-shifting", WASPAA 1999), so that what belongs together stays in phase; rotations begin anew at every onset. The
spectral envelope, smoothed in the cepstrum over the peaks (Roebel and Rodet, "true envelope", DAFx 2005), is taken off
first and put back where the formants are wanted. Knows no speech from other sound; at 0 and 0 it changes nothing.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from models.streaming import StreamingModule, Tree

__all__ = ["MOST_SEMITONES", "Changer", "ChangerState"]

HOP = 480
WINDOW, SIZE = 4 * HOP, 4096  # 40 ms at 48 kHz
BINS = SIZE // 2 + 1
COARSE = 4  # bins that the envelope takes together
COARSE_SIZE = SIZE // COARSE
MOST_SEMITONES = 12.0
QUEFRENCIES = 100  # of the envelope: as fine as 480 Hz, coarser than the harmonics of most voices
AROUND = 3  # bins on either side that a peak stands above
SAME = 3.0  # bins: so near to the last frame's it is the same partial, gliding
ONSET = 4.0  # times the power of the frame before: the phases of what begins are its own
FLOOR = 1e-7
MOST_GAIN = 4.0  # in the log of an amplitude: 35 dB


class ChangerState(NamedTuple):
    """What the next step needs of the past."""

    past: Tensor  # [B, C, WINDOW - HOP]
    tail: Tensor  # [B, C, WINDOW - HOP] half-finished sound
    turned: Tensor  # [B, BINS] by how many turns each bin's peak has been turned
    places: Tensor  # [B, BINS] the frequency in bins of each bin's peak
    power: Tensor  # [B, 1]


class Changer(StreamingModule):
    """`(sound [B, C, 480], semitones [B, 2, 1])` -> `[B, C, 480]`; of the semitones the first is the pitch's move, the
    second the formants', each -12 to 12."""

    hop = HOP
    ratio = Fraction(1)
    delay = WINDOW - HOP
    window: Tensor
    bins: Tensor
    lifter: Tensor

    def __init__(self, channels: int = 1) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("window", torch.hann_window(WINDOW), persistent=False)
        self.register_buffer("bins", torch.arange(BINS, dtype=torch.float32), persistent=False)
        quefrency = torch.arange(COARSE_SIZE // 2 + 1)
        lifter = torch.where(quefrency < QUEFRENCIES, 2.0, 0.0)
        lifter[0] = 1.0
        self.register_buffer("lifter", lifter, persistent=False)

    def initial_state(self, slots: int) -> ChangerState:
        def zeros(*shape: int) -> Tensor:
            return self.window.new_zeros(slots, *shape)

        rest = WINDOW - HOP
        places = self.bins.repeat(slots, 1)
        return ChangerState(zeros(self.channels, rest), zeros(self.channels, rest), zeros(BINS), places, zeros(1))

    def step(self, state: Tree, chunk: Tree) -> tuple[ChangerState, Tensor]:
        assert isinstance(state, ChangerState)
        sound, semitones = chunk
        assert isinstance(sound, Tensor)
        assert isinstance(semitones, Tensor)
        whole = torch.cat([state.past, sound.nan_to_num()], -1)
        ratios = torch.exp2(semitones[..., 0].nan_to_num().clamp(-MOST_SEMITONES, MOST_SEMITONES) / 12)
        pitch, formants = ratios[:, :1], ratios[:, 1:]
        spectrum = self._spectrum(whole)
        moved, turned, places, power = self._moved(spectrum, state, pitch, formants)
        frame = self._frame(moved)
        made = frame[..., :HOP] + state.tail[..., :HOP]
        tail = frame[..., HOP:] + F.pad(state.tail[..., HOP:], (0, HOP))
        kept = (whole[..., HOP:], tail, turned, places, power)
        return ChangerState(*(leaf.contiguous() for leaf in kept)), made

    def forward(self, x: Tree) -> Tensor:
        """`(sound [B, C, T], semitones [B, 2, T / 480])` -> `[B, C, T]`."""
        sound, semitones = x
        assert isinstance(sound, Tensor)
        assert isinstance(semitones, Tensor)
        state: Tree = self.initial_state(len(sound))
        ended = F.pad(sound, (0, self.delay))
        wishes = F.pad(semitones, (0, self.delay // HOP), mode="replicate")
        made = []
        for at in range(ended.shape[-1] // HOP):
            state, out = self.step(state, (ended[..., at * HOP : (at + 1) * HOP], wishes[..., at : at + 1]))
            made.append(out)
        return torch.cat(made, -1)[..., self.delay :]

    def _spectrum(self, frame: Tensor) -> Tensor:
        """Around the middle of the frame, so that a peak's bins share its phase: `[B, C, BINS]`."""
        padded = F.pad(frame * self.window, (0, SIZE - WINDOW))
        spectrum: Tensor = torch.fft.rfft(padded.roll(-WINDOW // 2, -1))
        return spectrum

    def _frame(self, spectrum: Tensor) -> Tensor:
        """The frame, to be overlapped: Hann's square by a quarter sums to 1.5."""
        frame: Tensor = torch.fft.irfft(spectrum, SIZE).roll(WINDOW // 2, -1)[..., :WINDOW] * self.window / 1.5
        return frame

    def _moved(
        self, spectrum: Tensor, state: ChangerState, pitch: Tensor, formants: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The new spectrum, and what to remember of this one."""
        loud = spectrum.abs()
        level = loud.square().mean(1).add(FLOOR * FLOOR).log() / 2  # [B, BINS] of all channels, which move together
        nearest = _nearest_peak(level)
        places = _interpolated(level).gather(1, nearest)
        before = state.places.gather(1, nearest)
        glide = torch.where((places - before).abs() < SAME, (places + before) / 2, places)
        turned = state.turned.gather(1, nearest) + (pitch - 1) * glide * (HOP / SIZE)
        power = loud.square().mean((1, 2))[:, None]
        turned = torch.where(power > ONSET * state.power + FLOOR, torch.zeros_like(turned), turned).remainder(1.0)
        shift = ((pitch - 1) * places).nan_to_num().round()
        target = self.bins + shift
        gain = self._reshaped(loud, target, formants) * pitch.sqrt()[:, None]  # fewer partials, as loud
        turn = torch.polar(torch.ones_like(turned), 2 * math.pi * turned)[:, None]
        inside = (target >= 0) & (target < BINS)
        parts = torch.view_as_real(spectrum * turn * gain * inside[:, None])
        index = target.clamp(0, BINS - 1).long()[:, None, :, None].expand_as(parts)
        moved = torch.view_as_complex(torch.zeros_like(parts).scatter_add(2, index, parts))
        return moved, turned, places, power

    def _reshaped(self, loud: Tensor, target: Tensor, formants: Tensor) -> Tensor:
        """What each bin is multiplied with, so that it has the envelope that is due at its target."""
        envelope = self._envelope(loud)  # [B, C, BINS / 4]
        here = _between(envelope, self.bins.expand_as(target))
        due = _between(envelope, target / formants)
        return (due - here).clamp(-MOST_GAIN, MOST_GAIN).exp()

    def _envelope(self, loud: Tensor) -> Tensor:
        """Log of the smooth line over the peaks of `[B, C, BINS]`, at every fourth bin."""
        seen = F.max_pool1d(loud, 2 * COARSE + 1, COARSE, COARSE).add(FLOOR).log()
        return self._smoothed(torch.maximum(seen, self._smoothed(seen)))

    def _smoothed(self, log: Tensor) -> Tensor:
        cepstrum = torch.fft.irfft(log, COARSE_SIZE)[..., : COARSE_SIZE // 2 + 1]
        smooth: Tensor = torch.fft.rfft(F.pad(cepstrum * self.lifter, (0, COARSE_SIZE // 2 - 1))).real
        return smooth


def _between(envelope: Tensor, places: Tensor) -> Tensor:
    """`envelope` `[B, C, N]` at `places` `[B, BINS]` in fine bins, on straight lines."""
    wanted = (places / COARSE).clamp(0, envelope.shape[-1] - 1.001)
    below = wanted.floor()
    share, index = (wanted - below)[:, None], below.long()[:, None].expand(-1, envelope.shape[1], -1)
    return envelope.gather(2, index) * (1 - share) + envelope.gather(2, index + 1) * share


def _nearest_peak(level: Tensor) -> Tensor:
    """For each bin of `[B, BINS]` the bin of the nearest peak, or itself where there is none."""
    highest = F.max_pool1d(level[:, None], 2 * AROUND + 1, 1, AROUND)[:, 0]
    place = torch.arange(BINS, device=level.device).expand_as(level)
    is_peak = level >= highest
    left = torch.where(is_peak, place, -SIZE).cummax(-1).values
    right = torch.where(is_peak, place, 2 * SIZE).flip(-1).cummin(-1).values.flip(-1)
    nearest = torch.where(place - left <= right - place, left, right)
    return torch.where((nearest >= 0) & (nearest < BINS), nearest, place)


def _interpolated(level: Tensor) -> Tensor:
    """Where the parabola through each bin of a log spectrum and its neighbours has its top, in bins."""
    left, right = F.pad(level, (1, 0), mode="replicate")[:, :-1], F.pad(level, (0, 1), mode="replicate")[:, 1:]
    bend = (2 * level - left - right).clamp(min=1e-6)
    return torch.arange(BINS, device=level.device) + ((right - left) / (2 * bend)).clamp(-0.5, 0.5)
