"""Where models run: what `--device` may say, and what of it this machine has.

Knows no model and no engine. PyTorch is loaded only when a GPU is asked for, which takes seconds.
"""

from __future__ import annotations

import logging
import re

__all__ = ["find_place", "sayable"]

SAYABLE = re.compile(r"auto|cpu|cuda(:\d+)?")
OLDEST = (8, 0)  # compute capability: the kernels' matrix products need what came with Ampere
logger = logging.getLogger(__name__)


def sayable(text: str) -> bool:
    """Whether it is one of auto, cpu, cuda and cuda:N."""
    return SAYABLE.fullmatch(text) is not None


def find_place(said: str) -> str:
    """What `--device` comes to here: "cpu" or "cuda:N".

    Raises:
        ValueError: a GPU was asked for by name and cannot be used; the text says why and what to do.
    """
    if said == "cpu":
        return said
    number = int(said.partition(":")[2] or 0)
    reason = _unusable(number)
    if reason is None:
        return f"cuda:{number}"
    if said == "auto":
        logger.info("models run on the processor: %s", reason)
        return "cpu"
    raise ValueError(f"--device {said}: {reason}; say --device cpu, or --device auto for a GPU where there is one")


def _unusable(number: int) -> str | None:
    """Why models cannot run on the GPU of that number."""
    import torch

    if not torch.cuda.is_available():
        return "PyTorch finds no CUDA device" if torch.version.cuda else "this PyTorch was built without CUDA"
    if number >= (count := torch.cuda.device_count()):
        return f"there is no cuda:{number}; the last is cuda:{count - 1}"
    if (found := torch.cuda.get_device_capability(number)) < OLDEST:
        return f"cuda:{number} has compute capability {found[0]}.{found[1]}; at least {OLDEST[0]}.{OLDEST[1]} is needed"
    try:  # a driver too old, or a card that is full, shows only when something is computed
        torch.ones(1, device=f"cuda:{number}").add_(1).item()
    except RuntimeError as error:
        return f"cuda:{number} does not work: {str(error).splitlines()[0]}"
    return None
