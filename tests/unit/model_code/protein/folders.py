"""Small random protein models, as folders that inference.py loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from pathlib import Path


def tiny_folder(folder: Path, model: str = "cnn", task: str = "ss3", window: int = 50, head: str = "linear") -> Path:
    """Write a small random model of the real architecture; equal arguments give equal weights."""
    import encoders
    import networks
    from alphabet import own_alphabet

    torch.manual_seed(5)
    alphabet = own_alphabet()
    description = networks.Description(model, task, networks.CLASSES[task], head, window, alphabet)
    networks.save(networks.new_model(encoders.make_encoder(model, shape(model, alphabet.size)), description), folder)
    return folder


def shape(model: str, vocabulary: int) -> dict:
    small = {"vocab_size": vocabulary, "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
    return {
        "cnn": {"model_type": "seqdrop-cnn", "vocab_size": vocabulary, "width": 16, "kernel": 5, "dilations": [1, 2]}
        | {"dropout": 0.1},
        "protbert": small | {"intermediate_size": 32, "max_position_embeddings": 64, "pad_token_id": 0},
        "prott5": {"vocab_size": vocabulary, "d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2},
    }[model]
