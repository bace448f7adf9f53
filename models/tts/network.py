"""The acoustic network: rows of phones become how long, high and loud each is, and then 82 features a frame.

ConvNeXt blocks (Liu et al., 2022) over phones and over frames; durations, pitch and energy are predicted first and
given to the decoder (FastSpeech 2: Ren et al., arXiv:2006.04558), so whoever speaks may change them in between. No
attention: the work grows with the length. Knows nothing of text, of controls or of sound.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from models.tts.features import BANDS, FEATURES, PITCH_ROW, VOICED_ROW
from models.tts.tokens import COLUMNS, FARTHEST, MARKS, NAMES

__all__ = ["Acoustic", "AcousticConfig", "Block", "Prosody", "contour", "load_acoustic", "places"]

WEIGHTS = Path(__file__).parents[1] / "weights" / "tts.safetensors"
PLACES = 4
LONGEST_PHONE = 50.0  # frames; where a frame's distance to its phone's ends stops counting


@dataclass(frozen=True)
class AcousticConfig:
    """Sizes: blocks over phones, blocks over frames, and the hidden widths of both."""

    width: int = 192
    phone_blocks: int = 4
    phone_hidden: int = 288
    frame_blocks: int = 6
    frame_hidden: int = 480
    dropout: float = 0.1


class Prosody(NamedTuple):
    """How phones are said. Pitch and energy are in the training set's standard deviations from its mean."""

    length: Tensor  # [B, N] log(1 + frames)
    pitch: Tensor  # [B, N, 2] of the first and the second half
    energy: Tensor  # [B, N]


class Block(nn.Module):
    """ConvNeXt: `[B, T, C] -> [B, T, C]`; `there` `[B, T, 1]` is 0 past the end of shorter rows."""

    def __init__(self, width: int, hidden: int, *, kernel: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        mixed = self.mix((x * there).transpose(1, 2)).transpose(1, 2)
        made: Tensor = self.down(F.gelu(self.up(self.norm(mixed)), approximate="tanh"))
        y: Tensor = x + self.drop(made * self.scale)
        return y


class Predictor(nn.Module):
    """Prosody from encoded phones."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv1d(width, width, 3, padding=1) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.drop = nn.Dropout(3 * dropout)
        self.leave = nn.Linear(width, 4)

    def forward(self, x: Tensor, there: Tensor) -> Prosody:
        for conv, norm in zip((self.first, self.second), self.norms, strict=True):
            x = self.drop(norm(F.silu(conv((x * there).transpose(1, 2)).transpose(1, 2))))
        length, first, second, energy = self.leave(x).unbind(-1)
        return Prosody(length, torch.stack([first, second], -1), energy)


class Acoustic(nn.Module):
    """Rows of `models/tts/tokens.py` -> `Prosody` -> features `[B, T, 82]`."""

    pitch_scale: Tensor  # [2] mean and standard deviation of row 80 over voiced phones
    bands_mean: Tensor  # [80]
    bands_spread: Tensor  # [80]

    def __init__(self, config: AcousticConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or AcousticConfig()
        sizes = (len(NAMES), len(MARKS), PLACES, FARTHEST + 1, FARTHEST + 1)
        self.tables = nn.ModuleList(nn.Embedding(size, config.width) for size in sizes)
        self.phone_blocks = nn.ModuleList(
            Block(config.width, config.phone_hidden, kernel=7, dropout=config.dropout)
            for _ in range(config.phone_blocks)
        )
        self.predictor = Predictor(config.width, config.dropout)
        self.enter = nn.Linear(config.width + 6, config.width)
        self.frame_blocks = nn.ModuleList(
            Block(config.width, config.frame_hidden, kernel=9, dropout=config.dropout / 2)
            for _ in range(config.frame_blocks)
        )
        self.leave_norm = nn.LayerNorm(config.width)
        self.leave = nn.Linear(config.width, FEATURES)
        self.register_buffer("pitch_scale", torch.tensor([0.0, 0.25]))
        self.register_buffer("bands_mean", torch.full((BANDS,), -5.0))
        self.register_buffer("bands_spread", torch.full((BANDS,), 2.0))

    def encode(self, tokens: Tensor, there: Tensor) -> Tensor:
        """Rows `[B, N, 5]`, `there` `[B, N, 1]` -> `[B, N, C]`."""
        assert tokens.shape[-1] == len(COLUMNS)
        x = torch.stack([table(tokens[..., i]) for i, table in enumerate(self.tables)]).sum(0)
        for block in self.phone_blocks:
            x = block(x, there)
        return x

    def prosody(self, encoded: Tensor, there: Tensor) -> Prosody:
        made: Prosody = self.predictor(encoded, there)
        return made

    def decode(self, encoded: Tensor, prosody: Prosody, frames: Tensor, there: Tensor) -> Tensor:
        """Encoded phones that last `frames` `[B, N]`, as said by `prosody` (its length is not read).

        Returns features `[B, T, 82]`, the last one as a logit; `T` is the length of `there` `[B, T, 1]`.
        """
        phone, inside = places(frames, there.shape[1])  # [B, T], [B, T, 3]
        pitch = contour(prosody.pitch, phone, inside[..., 0])  # [B, T]
        rows = phone[..., None].expand(-1, -1, encoded.shape[-1])
        energy = prosody.energy.gather(1, phone)
        around = torch.stack([pitch, energy, pitch * energy], -1)
        x = self.enter(torch.cat([encoded.gather(1, rows), inside, around], -1))
        for block in self.frame_blocks:
            x = block(x, there)
        made = self.leave(self.leave_norm(x)).float()
        bands = made[..., :BANDS] * self.bands_spread + self.bands_mean
        follows = pitch * self.pitch_scale[1] + self.pitch_scale[0]
        height = follows + made[..., PITCH_ROW] / 10
        return torch.cat([bands, height[..., None], made[..., VOICED_ROW:]], -1)


def places(frames: Tensor, total: int) -> tuple[Tensor, Tensor]:
    """Which phone each of `total` frames belongs to `[B, T]`, and where in it `[B, T, 3]`.

    The place is a share, and the logs of the frames from both ends. `frames` `[B, N]` are whole numbers; frames past
    their sum belong to the last phone.
    """
    ends = frames.cumsum(1)
    at = torch.arange(total, device=frames.device).expand(len(frames), -1).contiguous()
    phone = torch.searchsorted(ends, at, right=True).clamp(max=frames.shape[1] - 1)
    long = frames.gather(1, phone).clamp(min=1)
    gone = at - (ends - frames).gather(1, phone) + 0.5
    share = (gone / long).clamp(max=1.0)
    both = torch.stack([gone, (long - gone).clamp(min=0)], -1).clamp(max=LONGEST_PHONE)
    return phone, torch.cat([share[..., None], torch.log1p(both) / 2], -1)


def contour(pitch: Tensor, phone: Tensor, share: Tensor) -> Tensor:
    """Straight lines between the points `pitch` `[B, N, 2]` that lie at 1/4 and 3/4 of each phone -> `[B, T]`.

    The lines between phones meet in the middle of both points, at the border.
    """
    before = torch.cat([pitch[:, :1, 0], pitch[:, :-1, 1]], 1)
    after = torch.cat([pitch[:, 1:, 0], pitch[:, -1:, 1]], 1)
    begin, end = (before + pitch[..., 0]) / 2, (after + pitch[..., 1]) / 2
    points = torch.stack([begin, pitch[..., 0], pitch[..., 1], end], -1)  # [B, N, 4] at 0, 1/4, 3/4, 1
    rows = points.gather(1, phone[..., None].expand(-1, -1, 4))
    early = rows[..., 0].lerp(rows[..., 1], (4 * share).clamp(0, 1))
    late = rows[..., 2].lerp(rows[..., 3], (4 * share - 3).clamp(0, 1))
    middle = rows[..., 1].lerp(rows[..., 2], (2 * share - 0.5).clamp(0, 1))
    return torch.where(share < 0.25, early, torch.where(share > 0.75, late, middle))


def load_acoustic(*, weights: Path = WEIGHTS) -> Acoustic:
    """The shipped network."""
    net = Acoustic()
    net.load_state_dict({name: tensor.float() for name, tensor in load_file(weights).items()})
    return net.eval()
