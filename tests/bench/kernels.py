"""`limelight bench kernels`: each kernel's time against eager PyTorch, `torch.compile` and the card's roof.

First every kernel is compared with its reference on what will be measured; if one is wrong there are no figures. The
roof is the bytes and operations that the kernel's file counts, at the copy and matrix rates measured on this card.
Where there is no GPU all runs at small sizes in Triton's interpreter, to see that it works.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

import kernels.analysis
import kernels.band_blocks
import kernels.blur
import kernels.picture_in
import kernels.picture_out
import kernels.resynthesis
import kernels.ring_attention
import kernels.ring_conv
from kernels.analysis import Compression
from kernels.band_blocks import BlockWeights
from kernels.cost import Cost
from kernels.fourier import tables
from kernels.picture_in import Planes, colours
from kernels.picture_out import codes
from kernels.resynthesis import Expansion, Sounding
from models.enhance import LOUDEST, POWER, QUIET, TOP
from models.spectrum import BINS, Spectrum
from models.streaming import Tree, tree_leaves
from tests.bench._table import show

__all__ = ["Case", "Roof", "cases", "main", "measured", "red"]

# Below any of them the kernel goes: times quicker than eager, than torch.compile; of the copy rate, if bound by bytes.
KEEP, OF_COPYING = (3.0, 1.2), 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One kernel at one size: both forms take `given`, of which the tensors in `changed` are state."""

    name: str
    at: str
    reference: Callable[..., Tree]
    kernel: Callable[..., Tree]
    given: tuple[Any, ...]
    cost: Callable[[Any], Cost]
    changed: tuple[int, ...] = ()

    def fresh(self) -> tuple[Any, ...]:
        return tuple(x.clone() if at in self.changed else x for at, x in enumerate(self.given))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much: sessions of sound, of pictures, of captions, and the height of a picture (16 : 9)."""

    sound: int
    pictures: int
    captions: int
    height: int


REAL, TINY = Sizes(20_480, 64, 2_048, 720), Sizes(2, 1, 2, 18)


def cases(device: torch.device, sizes: Sizes) -> list[Case]:
    """Every kernel, at sizes of a busy server; a few GB."""
    torch.manual_seed(0)
    with torch.device(device):
        return [*_pictures(device, sizes), *_spectra(sizes), _blocks(sizes), *_rings(sizes)]


def _pictures(device: torch.device, sizes: Sizes) -> Iterator[Case]:
    n, h, w = sizes.pictures, sizes.height, sizes.height * 16 // 9
    h_small, w_small, at = max(h // 5, 2), max(w // 5, 2), f"{sizes.pictures} x {h}p"
    both = torch.randint(0, 256, (n, h // 2, w // 2, 2), dtype=torch.uint8)
    planes = Planes(torch.randint(0, 256, (n, h, w), dtype=torch.uint8), both[..., 0], both[..., 1])
    read = colours(bt709=[True] * n, full_range=[False] * n, device=device)
    norm = torch.tensor([[0.5] * 3, [0.25] * 3])
    k = kernels.picture_in
    for what, size in (("small", (h_small, w_small)), ("full", (h, w))):
        yield Case(
            f"picture in, {what}",
            at,
            k.picture_in_reference,
            k.picture_in_triton,
            (planes, read, size, norm, torch.float16),
            lambda out, p=planes: kernels.picture_in.cost(p, out),
        )
    front, back = torch.rand(n, 3, h, w).half(), torch.rand(n, 3, h // 8, w // 8).half()
    alpha, matte = torch.rand(n, h_small, w_small).half(), torch.rand(n, h // 8, w // 8).half()
    write = codes(bt709=[True] * n, full_range=[False] * n, device=device)
    o, b, given = kernels.picture_out, kernels.blur, (front, alpha, back, write)
    yield Case(
        "picture out", at, o.picture_out_reference, o.picture_out_triton, given, lambda out: o.cost(*given[:3], out)
    )
    blurred = (back, matte, 3.0)
    yield Case("blur", f"{n} x {h // 8}p", b.blur_reference, b.blur_triton, blurred, lambda _: b.cost(*blurred))


def _spectra(sizes: Sizes) -> Iterator[Case]:
    n, spectrum = sizes.sound, Spectrum(3)
    table = tables(spectrum.analysis, spectrum.synthesis, bins=BINS)
    past, chunk, tail = (0.1 * torch.randn(n, 1, size) for size in (spectrum.window - spectrum.hop, 480, 480))
    compression, expansion = Compression(POWER, QUIET), Expansion(POWER, LOUDEST, QUIET, TOP)
    a, r = kernels.analysis, kernels.resynthesis

    def analyse(form: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: form(*given, bins=BINS)

    given = (past, chunk, table, compression)
    reference, kernel = analyse(a.analyse_reference), analyse(a.analyse_triton)
    yield Case("analysis", f"{n} sessions", reference, kernel, given, lambda made: a.cost(chunk, past, made))
    heard = a.analyse_reference(past, chunk, table, compression, bins=BINS)
    mask, sound = torch.randn(n, 2, BINS), Sounding(past, chunk, tail)
    yield Case(
        "resynthesis",
        f"{n} sessions",
        r.resynthesise_reference,
        r.resynthesise_triton,
        (mask, heard, sound, table, expansion),
        lambda _: r.cost(mask, heard, sound),
    )


def _blocks(sizes: Sizes) -> Case:
    n, blocks, bands, w, k = sizes.sound, 3, 24, 32, kernels.band_blocks

    def made(*size: int) -> Tensor:
        return torch.randn(blocks, *size) * w**-0.5

    gru = (made(3 * w, w), made(3 * w), made(3 * w, w), made(3 * w))
    weights = BlockWeights(*gru, made(w, w), made(w), made(bands, w), made(3 * w, w), made(3 * w), made(w, w), made(w))
    x, memory = torch.randn(n, bands, w), torch.randn(n, blocks, bands, w)
    return Case(
        "recurrent blocks",
        f"{n} sessions",
        lambda *given: k.band_blocks_reference(*given, heads=2),
        lambda *given: k.band_blocks_triton(*given, heads=2),
        (x, memory, weights),
        lambda _: k.cost(x, memory, weights),
    )


def _rings(sizes: Sizes) -> Iterator[Case]:
    """The shipped recogniser's: seven blocks' rings a slot, of which a call takes one block's."""
    n, (blocks, past, reach, width), at = sizes.captions, (7, 64, 8, 192), f"{sizes.captions} sessions x 4"
    active, since = torch.ones(n, dtype=torch.bool), torch.randint(100, 200, (n,), dtype=torch.int32)
    c, a = kernels.ring_conv, kernels.ring_attention
    ring = torch.randn(n, blocks, reach + 4, width)[:, 1]
    conv = (torch.randn(n, 4, width), active, ring, since, torch.randn(reach + 1, width), torch.randn(2, width))
    cost = c.cost(conv[0], ring, conv[4])
    yield Case("ring conv", at, c.ring_conv_reference, c.ring_conv_triton, conv, lambda _: cost, (2,))
    slopes = 2.0 ** -(2.0 * torch.arange(3) + 1)
    for dtype in (torch.float32, torch.bfloat16):
        keys = torch.randn(n, blocks, past + 4, 2 * width, dtype=dtype)[:, 1]
        given = (torch.randn(n, 4, 3 * width), active, keys, since, slopes)
        yield Case(
            f"ring attention, {str(dtype).removeprefix('torch.')}",
            at,
            partial(a.ring_attention_reference, past=past, born=2),
            partial(a.ring_attention_triton, past=past, born=2),
            given,
            lambda _, given=given: a.cost(given[0], given[2], past=past),
            (2,),
        )


def red(case: Case) -> str | None:
    """How the kernel differs from its reference, or None."""
    with torch.backends.cudnn.flags(allow_tf32=False):
        got, want = case.kernel(*case.fresh()), case.reference(*case.fresh())
    for one, other in zip(tree_leaves(got), tree_leaves(want), strict=True):
        apart = float((one.double() - other.double()).abs().max())
        # One step of a byte; else the rounding of the dtype, by the largest value.
        limit = {torch.uint8: 1.0, torch.float16: 2e-3}.get(one.dtype, 1e-4) * (
            1.0 if one.dtype == torch.uint8 else max(1.0, float(other.double().abs().max()))
        )
        if not apart <= limit:
            return f"{case.name} is off by {apart:.3g}, more than {limit:.3g}"
    return None


@dataclass(frozen=True, slots=True)
class Roof:
    """What the card does at most: bytes a second (copying) and operations a second (float32 matrices)."""

    bytes_s: float
    flops_s: float

    @classmethod
    def of(cls, device: torch.device) -> Roof:
        size, side = (1 << 28, 8192) if device.type == "cuda" else (1 << 20, 64)
        source, matrix = torch.ones(size, device=device), torch.randn(side, side, device=device)
        target = torch.empty_like(source)
        copying, multiplying = seconds(lambda: target.copy_(source)), seconds(lambda: matrix @ matrix)
        return cls(2 * 4 * size / copying, 2 * side**3 / multiplying)

    def seconds(self, cost: Cost) -> float:
        return max(cost.bytes / self.bytes_s, cost.flops / self.flops_s)

    def bound(self, cost: Cost) -> str:
        return "bytes" if cost.bytes / self.bytes_s > cost.flops / self.flops_s else "flops"


H200 = Roof(4.8e12, 67e12)  # its data sheet: memory, and float32 outside its matrix units


def roofs() -> Iterator[dict[str, str | float]]:
    """What each kernel cannot do without, counted without computing anything: where no card is."""
    for case in cases(torch.device("meta"), REAL):
        cost = case.cost(case.reference(*case.given))
        figures = {"MB": cost.bytes / 1e6, "GFLOP": cost.flops / 1e9, "H200 at best µs": 1e6 * H200.seconds(cost)}
        yield {"kernel": case.name, "at": case.at, **figures, "bound": H200.bound(cost)}


def seconds(work: Callable[[], object]) -> float:
    """Median time of a run."""
    if torch.cuda.is_available():
        from triton.testing import do_bench  # it empties the card's cache between runs

        return float(do_bench(work, warmup=10, rep=60, return_mode="median")) / 1e3
    work()
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measured(case: Case, roof: Roof, *, compiled: bool) -> dict[str, str | float]:
    """The row of a kernel that is right."""
    eager, ours = (seconds(lambda form=form: form(*case.given)) for form in (case.reference, case.kernel))
    other, cost = _compiled_seconds(case) if compiled else None, case.cost(case.kernel(*case.fresh()))
    bound, reached = roof.bound(cost), roof.seconds(cost) / ours
    keep = eager / ours >= KEEP[0] and (other is None or other / ours >= KEEP[1])
    keep = keep and (bound == "flops" or reached >= OF_COPYING)
    return {
        "kernel": case.name,
        "at": case.at,
        "eager µs": eager * 1e6,
        "compile": "-" if other is None else other * 1e6,
        "ours": ours * 1e6,
        "× eager": eager / ours,
        "× compile": "-" if other is None else other / ours,
        "GB/s": cost.bytes / ours / 1e9,
        "of roof": reached,
        "bound": bound,
        "bar": "-" if not compiled else "met" if keep else "NOT MET",
    }


def _compiled_seconds(case: Case) -> float | None:
    """None where the reference cannot be compiled."""
    torch._dynamo.reset()
    try:
        form = torch.compile(case.reference, dynamic=False)
        form(*case.fresh())
        return seconds(lambda: form(*case.given))
    except Exception as error:
        print(f"torch.compile of {case.name}: {type(error).__name__}", file=sys.stderr)
        return None


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures; 1 where a kernel is wrong."""
    parser = argparse.ArgumentParser(prog="limelight bench kernels", description=__doc__)
    parser.add_argument("--json", action="store_true", help="rows as JSON")
    parser.add_argument("--tiny", action="store_true", help="small sizes, and no torch.compile: does it all work?")
    parser.add_argument("--check", action="store_true", help="compare with the references, measure nothing")
    parser.add_argument("--roofs", action="store_true", help="only count bytes and operations; needs no GPU")
    arguments = parser.parse_args(argv)
    if arguments.roofs:
        show([*roofs()], title="Bytes, operations and the roof", as_json=arguments.json)
        return 0
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    tiny = arguments.tiny or device.type == "cpu"
    with torch.no_grad():
        sizes = TINY if tiny else REAL
        if wrong := [reason for case in cases(device, sizes) if (reason := red(case))]:
            print("no figures: " + "; ".join(wrong), file=sys.stderr)
            return 1
        if arguments.check:
            print("every kernel equals its reference")
            return 0
        roof = Roof.of(device)
        rows = [measured(case, roof, compiled=not tiny) for case in cases(device, sizes)]
    where = torch.cuda.get_device_name() if device.type == "cuda" else "Triton's interpreter: times mean nothing"
    show(rows, title=f"Kernels on {where}", as_json=arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
