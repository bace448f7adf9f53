"""The published Emformer's files, and getting them: torchaudio's EMFORMER_RNNT_BASE_LIBRISPEECH.

English, 76.7 M parameters, trained on the 960 hours of LibriSpeech; its authors give 4.7 % word errors on test-clean
and 12.4 % on test-other. No licence is stated for the weights (LibriSpeech is CC BY 4.0): whoever asks for them fetches
them, they are never part of Limelight. No checksums are published either; see `models/hub.py`. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from models.hub import Asset, Progress, Unavailable, fetch

__all__ = ["ASSETS", "fetch_published"]

PLACE = "https://download.pytorch.org/torchaudio"
LICENCE = "not stated by the publisher (PyTorch); trained on LibriSpeech, CC BY 4.0"
WEIGHTS, STATISTICS, PIECES = ASSETS = (
    Asset("emformer_rnnt_base_librispeech.pt", f"{PLACE}/models/emformer_rnnt_base_librispeech.pt", LICENCE),
    Asset("global_stats_rnnt_librispeech.json", f"{PLACE}/pipeline-assets/global_stats_rnnt_librispeech.json", LICENCE),
    Asset("spm_bpe_4096_librispeech.model", f"{PLACE}/pipeline-assets/spm_bpe_4096_librispeech.model", LICENCE),
)


def fetch_published(folder: Path, *, progress: Callable[[str], Progress] = lambda _name: _silent) -> None:
    """Get what is missing in `folder`, about 300 MB; `progress(name)` makes what is told of the bytes of one file.

    Raises:
        Unavailable: a file or the `sentencepiece` package is missing; says what to do.
        Damaged: a file is not what it was.
    """
    if find_spec("sentencepiece") is None:
        raise Unavailable("the public Emformer needs the package sentencepiece: pip install 'limelight[public]'")
    for asset in ASSETS:
        fetch(asset, folder, progress=progress(asset.name))


def _silent(_here: int, _whole: int | None) -> None:
    pass
