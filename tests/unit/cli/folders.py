"""Changes to the checkpoint folder of a seed, for tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file, save_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def change_config(folder: Path, **changes) -> None:
    """Set entries of config.json; None removes one."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in config.items() if value is not None}))


def change_weights(folder: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def with_language_head(folder: Path) -> Path:
    """Replace the classifier by a random head of a masked language model."""

    def change(tensors: dict[str, np.ndarray]) -> None:
        for name in [name for name in tensors if name.startswith(("classifier.", "bert.pooler."))]:
            del tensors[name]
        words, chance = tensors["bert.embeddings.word_embeddings.weight"], np.random.default_rng(1)
        tokens, width = words.shape
        head = "cls.predictions."
        tensors[head + "transform.dense.weight"] = chance.normal(0, 0.3, (width, width)).astype(words.dtype)
        tensors[head + "transform.dense.bias"] = np.zeros(width, words.dtype)
        tensors[head + "transform.LayerNorm.weight"] = np.ones(width, words.dtype)
        tensors[head + "transform.LayerNorm.bias"] = np.zeros(width, words.dtype)
        tensors[head + "bias"] = np.zeros(tokens, words.dtype)

    change_weights(folder, change)
    change_config(folder, architectures=["BertForMaskedLM"], id2label=None, label2id=None)
    return folder
