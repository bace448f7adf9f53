"""Batch norms for training: put behind every `Dense` and `BandConv`, and folded into their weights afterwards."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from models.layers import BandConv, Dense

__all__ = ["ChannelNorm", "add_norms", "folded"]


class ChannelNorm(nn.Module):
    """Batch norm over the last dimension."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.batch = nn.BatchNorm1d(channels, momentum=0.02)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.batch(x.reshape(-1, x.shape[-1])).view(x.shape)
        return y


def _layers(net: nn.Module) -> list[Dense | BandConv]:
    return [m for m in net.modules() if isinstance(m, Dense | BandConv)]


def add_norms(net: nn.Module) -> None:
    """Give every layer that has the slot a norm, in place."""
    for layer in _layers(net):
        layer.norm = ChannelNorm(layer.bias.shape[0])


def folded(net: nn.Module) -> nn.Module:
    """A copy in evaluation mode without norms that computes the same."""
    plain = copy.deepcopy(net).eval()
    for layer in _layers(plain):
        if isinstance(layer.norm, ChannelNorm):
            _fold(layer, layer.norm.batch)
            layer.norm = nn.Identity()
    return plain


@torch.no_grad()
def _fold(layer: Dense | BandConv, norm: nn.BatchNorm1d) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    layer.weight.mul_(gain.view(-1, *(1,) * (layer.weight.dim() - 1)))
    layer.bias.copy_((layer.bias - norm.running_mean) * gain + norm.bias)
