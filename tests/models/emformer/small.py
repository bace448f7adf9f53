"""A small Emformer with random weights, and torchaudio's own with the same ones."""

from __future__ import annotations

import torch
from torchaudio.models import RNNT
from torchaudio.models.rnnt import emformer_rnnt_model

from models.emformer.bundle import Bundle, make_encoder
from models.emformer.encoder import EmformerConfig
from models.emformer.features import BANDS
from models.emformer.search import Vocabulary

__all__ = ["SMALL", "VOCABULARY", "bundle", "theirs"]

SMALL = EmformerConfig(left=6, narrow=8, heads=2, inner=48, layers=3, encoding=24)
VOCABULARY = Vocabulary(("<unk>", "▁so", "▁be", "it", "▁we", "ll", "▁", "s", "▁a", "▁now", "ed"), frozenset({0}))


def theirs(seed: int = 0) -> RNNT:
    """torchaudio's network of the sizes of `SMALL`, every weight random: no bias zero, no norm plain."""
    torch.manual_seed(seed)
    model = emformer_rnnt_model(
        input_dim=BANDS,
        encoding_dim=SMALL.encoding,
        num_symbols=VOCABULARY.blank + 1,
        segment_length=SMALL.segment,
        right_context_length=SMALL.right,
        time_reduction_input_dim=SMALL.narrow,
        time_reduction_stride=SMALL.stride,
        transformer_num_heads=SMALL.heads,
        transformer_ffn_dim=SMALL.inner,
        transformer_num_layers=SMALL.layers,
        transformer_dropout=0.1,
        transformer_activation="gelu",
        transformer_left_context_length=SMALL.left,
        transformer_max_memory_size=0,
        transformer_weight_init_scale_strategy="depthwise",
        transformer_tanh_on_mem=True,
        symbol_embedding_dim=16,
        num_lstm_layers=2,
        lstm_layer_norm=True,
        lstm_layer_norm_epsilon=1e-3,
        lstm_dropout=0.3,
    ).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn(weight.shape))
    return model.requires_grad_(False)


def bundle(seed: int = 0) -> Bundle:
    """Ours on top of `theirs`, with statistics that bring random sound near ±1."""
    model = theirs(seed)
    statistics = {"mean": [15.0] * BANDS, "invstddev": [0.25] * BANDS}
    return Bundle(make_encoder(model, SMALL, statistics), model, VOCABULARY)
