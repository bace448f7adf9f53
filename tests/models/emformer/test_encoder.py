"""The streaming Emformer is torchaudio's, keeps the contract, and takes the published weights, all of them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torchaudio.models import emformer_rnnt_base
from torchaudio.transforms import MelSpectrogram

from models.emformer.bundle import _renamed, make_encoder
from models.emformer.encoder import EmformerConfig, Encoder
from models.emformer.features import BANDS, FRAME, STEP, MelFeatures
from tests.contract import verify_contract
from tests.models.emformer.small import SMALL, bundle, theirs

PLAIN = {"mean": [0.0] * BANDS, "invstddev": [1.0] * BANDS}


def sound(generator: torch.Generator, rows: int, steps: int) -> Tensor:
    return 0.1 * torch.randn(rows, 1, steps, generator=generator)


def test_the_contract_holds() -> None:
    verify_contract(bundle().encoder, example=sound, tolerance=1e-4, hops=6)


def test_a_stream_of_segments_equals_torchaudio() -> None:
    """Longer than the left context, so that the past is forgotten where theirs is; two signals at once."""
    transducer = theirs()
    ours, x = make_encoder(transducer, SMALL, PLAIN).encoder, torch.randn(2, 16 * 7 + 4, BANDS)
    memory, first, state = ours.initial_memory(2), torch.zeros(2, dtype=torch.int64), None
    for segment in x.unfold(1, 20, 16).transpose(2, 3).unbind(1):
        want, _, state = transducer.transcribe_streaming(segment, torch.full((2,), 20), state)
        got, memory = ours.step(segment, memory, first)
        first = first + SMALL.columns
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_a_whole_signal_equals_torchaudio() -> None:
    transducer, x = theirs(), torch.randn(2, 16 * 7 + 4, BANDS)
    want, _ = transducer.transcribe(x, torch.full((2,), x.shape[1]))
    segments = x.unfold(1, 20, 16).transpose(2, 3)
    got = make_encoder(transducer, SMALL, PLAIN).encoder(segments, 0)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_features_equal_torchaudio() -> None:
    """Loud and quiet, so that both parts of the logarithm are seen; mean and deviation as in the published pipeline."""
    torch.manual_seed(0)
    x = torch.randn(1, 32 * STEP) * torch.logspace(-7, -1, 32).repeat_interleave(STEP)
    ours = MelFeatures()
    ours.mean.uniform_(0, 10), ours.scale.uniform_(0.1, 1)
    energy = MelSpectrogram(16_000, n_fft=FRAME, hop_length=STEP, n_mels=BANDS)(x).transpose(1, 2)
    energy = energy * 10 ** (0.05 * 2 * 20 * math.log10(torch.iinfo(torch.int16).max))
    assert (energy < math.e).any() and (energy > math.e).any()
    level = torch.where(energy > math.e, energy.log(), energy / math.e)
    # Their frames are centred, about every multiple of 160 samples; the first two and the last reach over the ends.
    want = ((level - ours.mean) * ours.scale)[:, 2:-2]
    torch.testing.assert_close(ours(x[:, 2 * STEP - FRAME // 2 :])[:, : want.shape[1]], want, rtol=1e-3, atol=1e-3)


def test_every_published_weight_has_its_place() -> None:
    """Names and sizes of the published network, without its 300 MB."""
    with torch.device("meta"):
        transcriber, ours = emformer_rnnt_base(num_symbols=4097).transcriber, Encoder(EmformerConfig())
    given, wanted = _renamed(transcriber.state_dict()), ours.state_dict()
    assert {name: weight.shape for name, weight in given.items()} == {n: w.shape for n, w in wanted.items()}


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(RuntimeError, match="size mismatch"):
        make_encoder(theirs(), EmformerConfig(left=6, narrow=8, heads=2, inner=64, layers=3, encoding=24), PLAIN)
