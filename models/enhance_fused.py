"""The enhancer's step for a GPU with many sessions: three launches around the encoder and decoder instead of dozens.

The same numbers as `Enhancer` with the same state; where there is no GPU the kernels' references run, which is how the
streaming contract is checked anywhere. On a CPU the plain step is the quicker one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kernels.analysis import Compression, analyse
from kernels.band_blocks import BlockWeights, band_blocks
from kernels.fourier import Tables, tables
from kernels.resynthesis import Expansion, Sounding, resynthesise
from models.enhance import LOUDEST, POWER, QUIET, TOP, Enhancer, EnhanceState, TimeFrequency
from models.layers import in_dtype
from models.spectrum import BINS
from models.streaming import StreamingModule, Tree

__all__ = ["FusedEnhancer"]


class FusedEnhancer(StreamingModule):
    """As the `enhancer` it is made of, whose weights it shares or copies and which must not train any more.

    `products`: the dtype of the encoder's and decoder's products; spectra, recurrent blocks and state stay float32.
    """

    def __init__(self, enhancer: Enhancer, *, products: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.enhancer, self.products = enhancer, products
        self.hop, self.delay, self.ratio = enhancer.hop, enhancer.delay, enhancer.ratio
        spectrum = enhancer.spectrum
        self._keep("table", tables(spectrum.analysis, spectrum.synthesis, bins=BINS))
        self._keep("block", _stacked(enhancer))
        self.compression, self.expansion = Compression(POWER, QUIET), Expansion(POWER, LOUDEST, QUIET, TOP)

    def initial_state(self, slots: int) -> EnhanceState:
        return self.enhancer.initial_state(slots)

    def step(self, state: Tree, chunk: Tree) -> tuple[EnhanceState, Tensor]:
        assert isinstance(state, EnhanceState)
        assert isinstance(chunk, Tensor)
        net, tables = self.enhancer.net, Tables(*self._kept("table", Tables._fields))
        chunk = chunk.contiguous()
        analysed = analyse(state.past, chunk, tables, self.compression, bins=BINS)
        with in_dtype(chunk, self.products):
            x, seen = net.encoder(analysed.seen)
        weights = BlockWeights(*self._kept("block", BlockWeights._fields))
        x, memory = band_blocks(x.float().contiguous(), state.memory, weights, heads=net.config.heads)
        with in_dtype(chunk, self.products):
            mask = net.decoder(x, seen).contiguous()
        sounding = Sounding(state.past, chunk, state.tail)
        out, past, tail = resynthesise(mask, analysed, sounding, tables, self.expansion)
        return EnhanceState(past, tail, memory), out

    def forward(self, x: Tree) -> Tensor:
        made: Tensor = self.enhancer(x)
        return made

    def _keep(self, kind: str, tensors: Tables | BlockWeights) -> None:
        """As buffers, so that they go where the module goes."""
        for name, tensor in zip(tensors._fields, tensors, strict=True):
            self.register_buffer(f"{kind}_{name}", tensor, persistent=False)

    def _kept(self, kind: str, names: tuple[str, ...]) -> list[Tensor]:
        return [getattr(self, f"{kind}_{name}") for name in names]


def _stacked(enhancer: Enhancer) -> BlockWeights:
    rows = []
    for block in enhancer.net.blocks:
        assert isinstance(block, TimeFrequency)
        given, known, given_bias, known_bias = block.time.gru.all_weights[0]
        across = block.across
        gru = (given, given_bias, known, known_bias, block.after.weight, block.after.bias)
        mixing = (across.mix.weight, across.mix.bias, across.out.weight, across.out.bias)
        rows.append((*gru, across.places, *mixing))
    return BlockWeights(*(torch.stack([part.detach() for part in column]) for column in zip(*rows, strict=True)))
