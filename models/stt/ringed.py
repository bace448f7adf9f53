"""The recogniser's step for a GPU with many sessions: its past lies in rings, which the kernels write where they lie.

The same numbers as `Recogniser`. Its state is nearly all keys and values of the past, 0.7 MB a slot, which a step on
plain tensors moves about ten times and this one reads once. Where there is no GPU the kernels' references run, which is
how the streaming contract is checked anywhere; there the plain step is the quicker one.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from kernels.ring_attention import ring_attention
from kernels.ring_conv import ring_conv
from models.layers import in_dtype
from models.streaming import StreamingModule, Tree, commit, tree_map
from models.stt.network import FRAMES_A_STEP, Block, Recogniser

__all__ = ["RingedRecogniser", "RingedState"]


class RingedState(NamedTuple):
    """What the next step needs of the past; frame `m` of a slot lies at `m mod R` of its rings."""

    sound: Tensor  # [B, window - hop]
    bands: Tensor  # [B, 2 * STACK, bands]
    keys: Tensor  # [B, blocks, past + N, 2 * width]: rings of keys and values
    gates: Tensor  # [B, blocks, reach + N, width]: rings of what the convolutions run over
    waiting: Tensor  # [B, blocks, 1, width]
    at: Tensor  # [B] int32: frames since the start


class RingedRecogniser(StreamingModule):
    """As the `recogniser` it is made of, whose weights it shares or copies and which must not train any more.

    `products`: the dtype of the blocks' products and of the rings; spectra and all other state stay float32.
    """

    def __init__(self, recogniser: Recogniser, *, products: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.recogniser, self.products = recogniser, products
        self.hop, self.delay, self.ratio = recogniser.hop, recogniser.delay, recogniser.ratio
        blocks = [block for block in recogniser.blocks if isinstance(block, Block)]
        taps = torch.stack([block.taps.detach()[:, 0].T for block in blocks])  # [blocks, reach + 1, W]
        norms = torch.stack([torch.stack([block.norm_t.weight, block.norm_t.bias]).detach() for block in blocks])
        self.register_buffer("taps", taps.contiguous(), persistent=False)
        self.register_buffer("norms", norms, persistent=False)

    taps: Tensor
    norms: Tensor

    def initial_state(self, slots: int) -> RingedState:
        plain, config = self.recogniser.initial_state(slots), self.recogniser.config
        zeros = plain.keys.new_zeros
        past, reach = (size + FRAMES_A_STEP for size in (config.past, config.reach))
        return RingedState(
            sound=plain.sound,
            bands=plain.bands,
            keys=zeros(slots, config.blocks, past, 2 * config.width, dtype=self.products),
            gates=zeros(slots, config.blocks, reach, config.width, dtype=self.products),
            waiting=plain.waiting,
            at=zeros(slots, dtype=torch.int32),
        )

    def step(self, state: Tree, chunk: Tree) -> tuple[RingedState, Tensor]:
        """Pure, and so with a copy of the past; `advance` does without."""
        new = tree_map(torch.clone, state)
        assert isinstance(new, RingedState)
        return new, self.advance(new, chunk, torch.ones_like(new.at, dtype=torch.bool))

    def advance(self, state: Tree, chunk: Tree, active: Tensor) -> Tensor:
        assert isinstance(state, RingedState)
        assert isinstance(chunk, Tensor)
        net, waiting = self.recogniser, list[Tensor]()
        sound, bands, x = net.entered(state.sound, state.bands, state.at, chunk)
        with in_dtype(chunk, self.products):
            for i, block in enumerate(net.blocks):
                assert isinstance(block, Block)
                x, last = self._block(i, block, x, state, active)
                waiting.append(last)
        small = (state.sound, state.bands, state.waiting, state.at)
        commit(small, (sound, bands, torch.stack(waiting, 1), state.at + FRAMES_A_STEP), active)
        return net.left(x)

    def _block(self, i: int, block: Block, x: Tensor, state: RingedState, active: Tensor) -> tuple[Tensor, Tensor]:
        """One block over frames `x` `[B, N, W]`, of which those before the `born`th come from before the start."""
        net, born, n = self.recogniser, 1 + i, x.shape[1]
        mixed = block.mix(block.norm_a(x))
        heard = ring_attention(mixed, active, state.keys[:, i], state.at, net.slopes, past=net.config.past, born=born)
        x = x + block.out(heard)
        number = state.at[:, None] + torch.arange(n, device=x.device)
        gated = torch.where((number >= born)[..., None], block.gated(x), 0.0)
        y = ring_conv(gated, active, state.gates[:, i], state.at, self.taps[i], self.norms[i])
        held = torch.cat([state.waiting[:, i], x], 1)
        y = held[:, :n] + block.back(y)
        return y + block.fed(y), held[:, n:]

    def forward(self, x: Tree) -> Tensor:
        made: Tensor = self.recogniser(x)
        return made
