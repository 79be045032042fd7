"""The modules of model_code/dnabert as the container imports them: siblings on sys.path."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.model_code import load_module, put_on_path

if TYPE_CHECKING:
    from pathlib import Path

CODE = put_on_path("dnabert")


@pytest.fixture(scope="session")
def code_folder() -> Path:
    return CODE


@pytest.fixture(scope="session")
def inference():
    return load_module("dnabert", "inference")


@pytest.fixture(scope="session")
def train():
    return load_module("dnabert", "train")


def write_checkpoint(
    folder: Path, k: int = 3, order: str = "ATCG", weights: str = "safetensors", head: str = "", **config
) -> Path:
    """Save a small random model in the layout of published DNABERT folders; by default a classifier."""
    import torch
    import transformers
    from transformers import BertConfig

    folder.mkdir(parents=True, exist_ok=True)
    kmers = ["".join(kmer) for kmer in itertools.product(order, repeat=k)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *kmers]
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    shape |= {"vocab_size": len(vocabulary), "max_position_embeddings": 64, "initializer_range": 0.5}
    torch.manual_seed(3)
    model = getattr(transformers, head or "BertForSequenceClassification")(BertConfig(**(shape | config)))
    if weights == "safetensors":
        model.half().save_pretrained(folder)
    else:
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        (folder / "config.json").write_text(json.dumps(model.config.to_dict()))
    return folder


@pytest.fixture(scope="session")
def hf_tokenizer(tmp_path_factory):
    """Return the Hugging Face tokenizer of a vocabulary (token to id).

    transformers 5 takes the dict; with a file it would silently use five tokens only. 4.57 takes the file.
    """
    import transformers

    def make(vocabulary: dict[str, int]):
        if int(transformers.__version__.split(".")[0]) >= 5:
            return transformers.BertTokenizer(vocab=vocabulary, do_lower_case=False)
        path = tmp_path_factory.mktemp("tokenizer") / "vocab.txt"
        path.write_text("\n".join(vocabulary) + "\n")
        return transformers.BertTokenizer(str(path), do_lower_case=False)

    return make


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    """A classifier with k = 3 and 64 positions: windows of 3 to 64 bases."""
    return write_checkpoint(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny(tiny_folder, inference):
    return inference.model_fn(str(tiny_folder))


@pytest.fixture(scope="session")
def checkpoint_writer():
    return write_checkpoint
