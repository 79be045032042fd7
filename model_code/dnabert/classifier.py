"""A fine-tuned DNABERT folder, loaded once and asked for class probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokens import KmerTokens
from transformers import BertConfig, BertForSequenceClassification

BATCH = 64
"""Rows in one forward pass; more is no faster on a CPU and a GPU of any size holds it."""


@dataclass(frozen=True)
class Classifier:
    """Model and vocabulary of one checkpoint; its probabilities are an fp32 softmax over its labels."""

    model: BertForSequenceClassification
    tokens: KmerTokens

    @property
    def most_tokens(self) -> int:
        """Longest input, [CLS] and [SEP] included, that the position embeddings cover."""
        return self.model.config.max_position_embeddings

    def label(self, index: int) -> str:
        return self.model.config.id2label[index]

    def probabilities(self, rows: np.ndarray) -> np.ndarray:
        """(n, labels) float32 for n inputs of one length: rows (n, T) of ids, without [CLS] and [SEP]."""
        parts = [self._forward(self.tokens.framed(rows[i : i + BATCH])) for i in range(0, len(rows), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, self.model.config.num_labels), np.float32)

    def probabilities_of_mixed(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """As `probabilities`, for inputs of any lengths; equal ones share a batch, so nothing is padded."""
        answers = np.empty((len(inputs), self.model.config.num_labels), np.float32)
        lengths = np.array([len(ids) for ids in inputs])
        for length in np.unique(lengths):
            (where,) = np.nonzero(lengths == length)
            answers[where] = self.probabilities(np.stack([inputs[i] for i in where]))
        return answers

    @torch.inference_mode()
    def _forward(self, input_ids: np.ndarray) -> np.ndarray:
        ids = torch.from_numpy(input_ids).to(self.model.device)
        return self.model(input_ids=ids).logits.softmax(-1).cpu().numpy()


def _device(context) -> str:
    """The GPU that the model server gave this worker, or the processor."""
    if not torch.cuda.is_available():
        return "cpu"
    gpu = getattr(context, "system_properties", {}).get("gpu_id")
    return f"cuda:{gpu or 0}"


def _refuse_untrained(missing: Sequence[str]) -> None:
    """A checkpoint without a classification head would get a random one, and answer all the same."""
    if missing:
        raise ValueError(f"the checkpoint is no trained sequence classifier; it lacks {', '.join(sorted(missing))}")


def _refuse_mismatch(config: BertConfig, tokens: KmerTokens) -> None:
    highest = max(tokens.vocabulary.values())
    if highest >= config.vocab_size:
        raise ValueError(f"vocab.txt counts to {highest}, config.json allows {config.vocab_size} tokens")
    if config.num_labels < 2:
        raise ValueError("config.json has one label; a classifier of two or more is needed")


def load_classifier(folder: Path | str, context=None) -> Classifier:
    """The classifier of a checkpoint folder: config.json, vocab.txt, model.safetensors or pytorch_model.bin.

    Weights stored in half precision are run in fp32. ValueError says what is wrong with an unfit folder.
    """
    tokens = KmerTokens.from_file(Path(folder) / "vocab.txt")
    config = BertConfig.from_pretrained(folder)
    _refuse_mismatch(config, tokens)
    model, loading = BertForSequenceClassification.from_pretrained(folder, config=config, output_loading_info=True)
    _refuse_untrained(loading["missing_keys"])
    return Classifier(model.float().to(_device(context)).eval(), tokens)
