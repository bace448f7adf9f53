"""The shipped networks, with their weights, keep the streaming contract."""

import pytest
import torch

from models.enhance import load_enhancer
from models.streaming import StreamingModule
from models.vad import load_vad
from tests.contract import verify_contract


@pytest.mark.parametrize(("module", "channels"), [(load_enhancer(channels=2), 2), (load_vad(), 1)])
def test_the_contract_holds(module: StreamingModule, channels: int) -> None:
    def sound(generator: torch.Generator, rows: int, steps: int) -> torch.Tensor:
        return 0.1 * torch.randn(rows, channels, steps, generator=generator)

    # Offline goes by the FFT, the step by matrix products: single precision apart, no more.
    verify_contract(module, example=sound, tolerance=1e-4)
