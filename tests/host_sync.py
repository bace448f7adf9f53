"""Does a step ever make the host wait for the device? Found out without a device, in three ways.

A step that reads a value back (`.item()`, `.cpu()`, `if tensor:`) or whose shapes follow values cannot be captured as a
CUDA graph, and stalls every session of the tick while it waits. Fake tensors have no values, so whatever needs one
raises; a function mode names the calls that a CPU would let pass; the source is read for what neither can see.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from models.streaming import StreamingModule, Tree, tree_map

__all__ = ["HostSync", "lint_step", "trace_step"]

READS = frozenset({"item", "tolist", "numpy", "cpu", "__bool__", "__int__", "__float__", "__index__", "__array__"})
VALUE_SHAPED = frozenset(
    {"nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "is_nonzero", "equal"}
)
FACTORIES = frozenset(
    {"tensor", "zeros", "ones", "empty", "full", "arange", "linspace", "eye", "rand", "randn", "hann_window"}
)
DISPATCHED = ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::_unique2", "aten::equal")


class HostSync(AssertionError):
    """The step would make the host wait for the device, or cannot be captured."""


class _RefuseCalls(TorchFunctionMode):
    """Refuses, by name, what is free on a CPU and a stall elsewhere."""

    def __torch_function__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name, options = getattr(func, "__name__", ""), kwargs or {}
        if name in READS or name in VALUE_SHAPED:
            raise HostSync(f"step calls {name}: it reads values back")
        if name in ("to", "copy_") and "cpu" in [*args, *options.values()]:
            raise HostSync("step copies to the CPU")
        if name in FACTORIES and options.get("device") is None and getattr(func, "__self__", None) is None:
            raise HostSync(f"step calls torch.{name} without a device: it would make it on the CPU")
        if name == "__getitem__" and any(_is_mask(index) for index in _flat(args[1])):
            raise HostSync("step indexes by a mask: the shape follows values")
        return func(*args, **options)


class _RefuseOps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Refuses the operators underneath, whatever the name they were called by."""

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = kwargs or {}
        if func.name().startswith(DISPATCHED):
            raise HostSync(f"step reaches {func.name()}: it reads values back")
        device = options.get("device")
        if func.name().startswith("aten::_to_copy") and device not in (None, args[0].device):
            raise HostSync(f"step copies from {args[0].device} to {device}")
        return func(*args, **options)


def _is_mask(index: object) -> bool:
    return isinstance(index, Tensor) and index.dtype == torch.bool


def _flat(index: object) -> Iterator[object]:
    yield from index if isinstance(index, tuple) else (index,)


def trace_step(module: StreamingModule, state: Tree, chunk: Tree) -> None:
    """Run `module.step` on fake tensors with every read refused.

    Raises:
        HostSync: it reads a value, copies across devices, or makes a shape depend on a value.
    """
    mode = FakeTensorMode()
    module = _faked(module, mode.from_tensor)
    state, chunk = tree_map(mode.from_tensor, state), tree_map(mode.from_tensor, chunk)
    try:
        with torch.no_grad(), mode, _RefuseOps(), _RefuseCalls():  # type: ignore[no-untyped-call]
            module.step(state, chunk)
    except HostSync:
        raise
    except Exception as error:
        raise HostSync(f"step cannot be traced without values: {type(error).__name__}: {error}") from error


def _faked(module: StreamingModule, fake: Callable[[Tensor], Tensor]) -> StreamingModule:
    module = copy.deepcopy(module)
    for part in module.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = nn.Parameter(fake(parameter.detach()), requires_grad=False)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = fake(buffer)
    return module


def lint_step(module: nn.Module) -> None:
    """Read the `step` of every part for what a trace cannot see (a branch not taken, state kept on `self`).

    Raises:
        HostSync: with the file and line.
    """
    for kind in {type(part) for part in module.modules()}:
        step = getattr(kind, "step", None)
        if inspect.isfunction(step):
            for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(step)))):
                if (fault := _fault(node)) is not None:
                    line = step.__code__.co_firstlineno + getattr(node, "lineno", 1) - 1
                    raise HostSync(f"{step.__code__.co_filename}:{line}: {fault}")


def _fault(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READS | VALUE_SHAPED:
        return f"step calls .{node.func.attr}()"
    if isinstance(node, ast.Constant) and node.value in ("cpu", "cuda"):
        return f"step names the device {node.value}"
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        return f"step assigns .{node.attr}: state belongs in the state"
    if isinstance(node, ast.Global | ast.Nonlocal):
        return "step writes a variable outside itself"
    return None
