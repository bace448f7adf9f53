"""A person over another background, and back to the planes that an encoder takes: one read and one write.

    RGB = a front + (1 - a) back           Y' = Kr R + Kg G + Kb B       Y = 16 + 219 Y' or 255 Y'
    Cb = (B - Y') / (2 - 2 Kb)             Cr = (R - Y') / (2 - 2 Kr)    U, V = 128 + 224 C or 128 + 255 C

`back` and the matte `a` may be smaller than the picture and are read bilinearly, so that a blurred background never
has to exist at full size. Chroma is that of the mean of its (up to) four pixels. Source: ITU-R BT.601-7 and BT.709-6.
One program makes a tile of one session's chroma and the luma over it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
import triton
import triton.language as tl
from torch import Tensor

from kernels.cost import Cost, packed, size_bytes
from kernels.picture_in import Planes

__all__ = ["codes", "cost", "picture_out", "picture_out_reference", "picture_out_triton"]

ROWS, COLUMNS = 4, 64  # of a tile of chroma


def codes(*, bt709: Sequence[bool], full_range: Sequence[bool], device: torch.device | str = "cpu") -> Tensor:
    """How to write each session's planes, `[B, 6]`: Kr, Kb, luma offset and scale, chroma scales of U and of V."""
    rows = [_code(matrix, full) for matrix, full in zip(bt709, full_range, strict=True)]
    return torch.tensor(rows, dtype=torch.float32, device=device)


def _code(bt709: bool, full_range: bool) -> tuple[float, ...]:
    kr, kb = (0.2126, 0.0722) if bt709 else (0.299, 0.114)
    offset, scale, chroma = (0.0, 255.0, 255.0) if full_range else (16.0, 219.0, 224.0)
    return kr, kb, offset, scale, chroma / (2 - 2 * kb), chroma / (2 - 2 * kr)


def picture_out(front: Tensor, alpha: Tensor, back: Tensor, code: Tensor) -> Planes:
    """`front` `[B, 3, H, W]` in 0…1 over `back` `[B, 3, h, w]` by `alpha` `[B, h', w']`; `code` `[B, 6]` of `codes`."""
    made = picture_out_triton if front.is_cuda else picture_out_reference
    return made(front, alpha, back, code)


def picture_out_reference(front: Tensor, alpha: Tensor, back: Tensor, code: Tensor) -> Planes:
    """The same in PyTorch."""
    size = front.shape[2:]
    a = F.interpolate(alpha[:, None].float(), size, mode="bilinear")
    behind = F.interpolate(back.float(), size, mode="bilinear")
    rgb = (a * front.float() + (1 - a) * behind).clamp(0, 1)
    kr, kb, offset, scale, to_u, to_v = (part[:, None, None] for part in code.unbind(1))
    y = _luma(rgb, kr, kb)
    # An odd last row or column counts twice in its mean, which is the mean of what is there.
    whole = F.pad(rgb, (0, size[1] % 2, 0, size[0] % 2), mode="replicate")
    mean = F.avg_pool2d(whole, 2)
    middle = _luma(mean, kr, kb)
    u, v = 128 + (mean[:, 2] - middle) * to_u, 128 + (mean[:, 0] - middle) * to_v
    return Planes(*(_bytes(plane) for plane in (offset + scale * y, u, v)))


def _luma(rgb: Tensor, kr: Tensor, kb: Tensor) -> Tensor:
    red, green, blue = rgb.unbind(1)
    return kr * red + (1 - kr - kb) * green + kb * blue


def _bytes(plane: Tensor) -> Tensor:
    return (plane + 0.5).floor().clamp(0, 255).to(torch.uint8)


def picture_out_triton(front: Tensor, alpha: Tensor, back: Tensor, code: Tensor) -> Planes:
    """The same in one launch; all tensors contiguous."""
    assert packed(front, alpha, back, code)
    b, _, height, width = front.shape
    rows, columns = -(-height // 2), -(-width // 2)
    y = torch.empty(b, height, width, dtype=torch.uint8, device=front.device)
    u, v = torch.empty(2, b, rows, columns, dtype=torch.uint8, device=front.device)
    _picture_out[(b, triton.cdiv(rows, ROWS), triton.cdiv(columns, COLUMNS))](
        front, alpha, back, code, y, u, v,
        height, width, *alpha.shape[1:], *back.shape[2:],
        ROWS=ROWS, COLUMNS=COLUMNS,
    )  # fmt: skip
    return Planes(y, u, v)


def cost(front: Tensor, alpha: Tensor, back: Tensor, made: Planes) -> Cost:
    """Reads the three pictures, writes the planes; 60 operations a pixel."""
    pixels = front.shape[0] * front.shape[2] * front.shape[3]
    return Cost(size_bytes(front, alpha, back, *made), 60 * pixels)


@triton.jit
def _between(plane, rows, columns, height, width, h, w, inside):
    """A plane `[h, w]` read bilinearly at pixels of a picture `[height, width]`."""
    y = tl.maximum((rows + 0.5) * (h / height) - 0.5, 0.0)
    x = tl.maximum((columns + 0.5) * (w / width) - 0.5, 0.0)
    top, left = tl.minimum(y.to(tl.int32), h - 1), tl.minimum(x.to(tl.int32), w - 1)
    low, right = tl.minimum(top + 1, h - 1), tl.minimum(left + 1, w - 1)
    down, over = y - top, x - left
    a = tl.load(plane + top * w + left, mask=inside, other=0.0).to(tl.float32)
    b = tl.load(plane + top * w + right, mask=inside, other=0.0).to(tl.float32)
    c = tl.load(plane + low * w + left, mask=inside, other=0.0).to(tl.float32)
    d = tl.load(plane + low * w + right, mask=inside, other=0.0).to(tl.float32)
    return (a * (1 - over) + b * over) * (1 - down) + (c * (1 - over) + d * over) * down


@triton.jit
def _over(front, back, channel: tl.constexpr, a, rows, columns, height, width, h, w, inside):
    """One channel of the composite."""
    pixel = front + channel * height * width + rows * width + columns
    near = tl.load(pixel, mask=inside, other=0.0).to(tl.float32)
    far = _between(back + channel * h * w, rows, columns, height, width, h, w, inside)
    return tl.minimum(tl.maximum(a * near + (1 - a) * far, 0.0), 1.0)


@triton.jit
def _store(place, value, inside):
    tl.store(place, tl.minimum(tl.maximum(tl.floor(value + 0.5), 0.0), 255.0).to(tl.uint8), mask=inside)


@triton.jit
def _picture_out(
    front, alpha, back, code, y_plane, u_plane, v_plane,
    height, width, matte_h, matte_w, h, w, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    b = tl.program_id(0).to(tl.int64)
    rows = (tl.program_id(1) * ROWS + tl.arange(0, ROWS))[:, None]
    columns = (tl.program_id(2) * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    chroma_height, chroma_width = (height + 1) // 2, (width + 1) // 2
    front += b * 3 * height * width
    back += b * 3 * h * w
    alpha += b * matte_h * matte_w
    code += b * 6
    kr, kb = tl.load(code), tl.load(code + 1)
    offset, scale, to_u, to_v = tl.load(code + 2), tl.load(code + 3), tl.load(code + 4), tl.load(code + 5)
    none = rows * 0.0 + columns * 0.0
    red_sum, green_sum, blue_sum, count = none, none, none, none
    for corner in tl.static_range(4):
        i, j = 2 * rows + corner // 2, 2 * columns + corner % 2
        inside = (i < height) & (j < width)
        a = _between(alpha, i, j, height, width, matte_h, matte_w, inside)
        red = _over(front, back, 0, a, i, j, height, width, h, w, inside)
        green = _over(front, back, 1, a, i, j, height, width, h, w, inside)
        blue = _over(front, back, 2, a, i, j, height, width, h, w, inside)
        y = kr * red + (1 - kr - kb) * green + kb * blue
        _store(y_plane + b * height * width + i * width + j, offset + scale * y, inside)
        here = inside.to(tl.float32)
        red_sum += red * here
        green_sum += green * here
        blue_sum += blue * here
        count += here
    count = tl.maximum(count, 1.0)
    red, green, blue = red_sum / count, green_sum / count, blue_sum / count
    y = kr * red + (1 - kr - kb) * green + kb * blue
    chroma, exists = rows * chroma_width + columns, (rows < chroma_height) & (columns < chroma_width)
    chroma += b * chroma_height * chroma_width
    _store(u_plane + chroma, 128 + (blue - y) * to_u, exists)
    _store(v_plane + chroma, 128 + (red - y) * to_v, exists)
