"""The streaming model, the transducer and the vocabulary that are made of the published files (`assets.py`)."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torchaudio.models import RNNT, emformer_rnnt_base

from models.emformer.assets import ASSETS
from models.emformer.encoder import EmformerConfig
from models.emformer.network import Emformer
from models.emformer.search import Vocabulary
from models.hub import Damaged

__all__ = ["Bundle", "load_bundle", "load_vocabulary", "make_encoder"]

# Ours, and torchaudio's name for it, among the weights of the encoder.
NAMES = {
    r"input_linear\.": "enter.",
    r"output_linear\.": "leave.",
    r"layer_norm\.": "norm.",
    r"transformer\.emformer_layers\.(\d+)\.layer_norm_input\.": r"layers.\1.norm_in.",
    r"transformer\.emformer_layers\.(\d+)\.layer_norm_output\.": r"layers.\1.norm_out.",
    r"transformer\.emformer_layers\.(\d+)\.attention\.emb_to_query\.": r"layers.\1.query.",
    r"transformer\.emformer_layers\.(\d+)\.attention\.emb_to_key_value\.": r"layers.\1.key_value.",
    r"transformer\.emformer_layers\.(\d+)\.attention\.out_proj\.": r"layers.\1.mix.",
    r"transformer\.emformer_layers\.(\d+)\.pos_ff\.0\.": r"layers.\1.norm_inner.",
    r"transformer\.emformer_layers\.(\d+)\.pos_ff\.1\.": r"layers.\1.widen.",
    r"transformer\.emformer_layers\.(\d+)\.pos_ff\.4\.": r"layers.\1.narrow.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """`encoder` steps in an engine; `transducer` (prediction and joint networks) and `vocabulary` are for searches."""

    encoder: Emformer
    transducer: RNNT
    vocabulary: Vocabulary


def load_bundle(folder: Path) -> Bundle:
    """The published network, from the files that `fetch_published` left in `folder`.

    Raises:
        Damaged: a file holds something else.
    """
    weights, statistics, pieces = (folder / asset.name for asset in ASSETS)
    try:
        vocabulary = load_vocabulary(pieces)
        with torch.device("meta"):
            transducer = emformer_rnnt_base(num_symbols=vocabulary.blank + 1)
        transducer.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True), assign=True)
        encoder = make_encoder(transducer, EmformerConfig(), json.loads(statistics.read_text()))
    except (pickle.UnpicklingError, RuntimeError, OSError, ValueError, KeyError) as error:
        raise Damaged(f"{folder} does not hold the published Emformer ({error}): delete it and start again") from error
    return Bundle(encoder, transducer.eval().requires_grad_(False), vocabulary)


def load_vocabulary(path: Path) -> Vocabulary:
    """The pieces of a SentencePiece model.

    Raises:
        OSError, RuntimeError: the file is missing, or none.
    """
    from sentencepiece import SentencePieceProcessor  # an extra

    model = SentencePieceProcessor(model_file=str(path))
    tokens = range(model.get_piece_size())
    silent = frozenset(token for token in tokens if model.is_control(token) or model.is_unknown(token))
    return Vocabulary(tuple(model.id_to_piece(token) for token in tokens), silent)


def make_encoder(transducer: RNNT, config: EmformerConfig, statistics: Mapping[str, list[float]]) -> Emformer:
    """Our streaming encoder with the weights of torchaudio's (shared, not copied) and the statistics of its features.

    Raises:
        RuntimeError: a weight is missing, left over or of another size.
        KeyError: the statistics have no "mean" or no "invstddev".
    """
    emformer = Emformer(config)
    emformer.encoder.load_state_dict(_renamed(_weights(transducer)), assign=True)
    emformer.features.mean.copy_(torch.tensor(statistics["mean"]))
    emformer.features.scale.copy_(torch.tensor(statistics["invstddev"]))
    return emformer.eval().requires_grad_(False)


def _weights(transducer: RNNT) -> dict[str, Tensor]:
    assert isinstance(transducer.transcriber, nn.Module)
    return transducer.transcriber.state_dict()


def _renamed(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """torchaudio's names to ours; a name that none of ours stands for stays, for `load_state_dict` to refuse."""
    return {_our_name(name): weight for name, weight in weights.items()}


def _our_name(theirs: str) -> str:
    for pattern, ours in NAMES.items():
        renamed, found = re.subn(f"^{pattern}", ours, theirs)
        if found:
            return renamed
    return theirs
