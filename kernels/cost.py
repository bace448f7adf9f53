"""What an operation must move and compute at least, the roof that its time is held against; and how tensors lie.

Each kernel's file counts its own; caches are taken for perfect, so every tensor is read or written once.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

__all__ = ["Cost", "packed", "size_bytes"]


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes to and from the card's memory, and floating-point operations (a multiplication with addition is two)."""

    bytes: int
    flops: int


def size_bytes(*tensors: Tensor) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def packed(*tensors: Tensor) -> bool:
    """Whether all lie in memory as a kernel takes it for granted: contiguous."""
    return all(tensor.is_contiguous() for tensor in tensors)
