"""Both ends of the enhancer's spectrum: kernels, references and the model's own step agree, at both rates."""

from __future__ import annotations

import pytest
import torch

from kernels.analysis import Analysed, Compression, analyse_reference, analyse_triton
from kernels.fourier import Tables, tables
from kernels.resynthesis import Expansion, Sounding, resynthesise_reference, resynthesise_triton
from models.enhance import LOUDEST, POWER, QUIET, TOP, compress
from models.spectrum import BINS, Spectrum
from tests.kernels.compare import DEVICE, near, poisoned, randoms

COMPRESSION, EXPANSION = Compression(POWER, QUIET), Expansion(POWER, LOUDEST, QUIET, TOP)
SHAPES = [(3, 1, 3), (1, 2, 2), (3, 2, 1)]  # oversampling, channels, sessions


def given(oversampling: int, channels: int, sessions: int) -> tuple[Sounding, Tables]:
    spectrum, draw = Spectrum(oversampling), randoms()
    sizes = (spectrum.window - spectrum.hop, spectrum.hop, spectrum.hop)
    sound = Sounding(*(0.1 * torch.randn(sessions, channels, size, generator=draw).to(DEVICE) for size in sizes))
    return sound, tables(spectrum.analysis.to(DEVICE), spectrum.synthesis.to(DEVICE), bins=BINS)


def analysed(sound: Sounding, table: Tables) -> Analysed:
    return analyse_reference(sound.past, sound.chunk, table, COMPRESSION, bins=BINS)


@pytest.mark.parametrize(("oversampling", "channels", "sessions"), SHAPES)
def test_analysis_equals_the_reference(
    oversampling: int, channels: int, sessions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, table = given(oversampling, channels, sessions)
    with poisoned(monkeypatch):
        got = analyse_triton(sound.past, sound.chunk, table, COMPRESSION, bins=BINS)
    for part, want in zip(got, analysed(sound, table), strict=True):
        near(part, want)


def test_sessions_in_groups_and_one_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many sessions are taken in fours; the last group may not be full."""
    sound, table = given(1, 1, 5)
    monkeypatch.setattr("kernels.analysis.GROUPED_FROM", 1)
    with poisoned(monkeypatch):
        got = analyse_triton(sound.past, sound.chunk, table, COMPRESSION, bins=BINS)
    for part, want in zip(got, analysed(sound, table), strict=True):
        near(part, want)


@pytest.mark.parametrize("oversampling", [1, 3])
def test_analysis_is_what_the_model_does(oversampling: int) -> None:
    sound, table = given(oversampling, 2, 2)
    spectrum = Spectrum(oversampling).to(DEVICE)
    frames = torch.cat([sound.past, sound.chunk], -1) * spectrum.analysis
    got = analysed(sound, table)
    near(got.spectra, spectrum.transform_step(frames.flatten(0, 1)).view(2, 2, 2, BINS))
    near(got.seen, compress(got.middle))
    near(got.energy, frames.mean(1).square().sum(-1))


@pytest.mark.parametrize(("oversampling", "channels", "sessions"), SHAPES)
def test_resynthesis_equals_the_reference(
    oversampling: int, channels: int, sessions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, table = given(oversampling, channels, sessions)
    heard, mask = analysed(sound, table), torch.randn(sessions, 2, BINS, generator=randoms(1)).to(DEVICE)
    with poisoned(monkeypatch):
        got = resynthesise_triton(mask, heard, sound, table, EXPANSION)
    for part, want in zip(got, resynthesise_reference(mask, heard, sound, table, EXPANSION), strict=True):
        near(part, want)
