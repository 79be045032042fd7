"""A fine-tuned DNABERT folder, loaded once and asked for class probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from network import Network, load_network
from transformers import BertForSequenceClassification

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

POSITIVE = 1
"""The label whose probability is reported."""
DECIMALS = 6


@dataclass(frozen=True)
class Classifier(Network):
    """A sequence classifier; its probabilities are an fp32 softmax over its labels."""

    def label(self, index: int) -> str:
        return self.model.config.id2label[index]

    def room(self, rows: int) -> np.ndarray:
        """Where `outputs` of so many rows go."""
        return np.empty(rows, np.float32)

    def outputs(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """(n,) float32: the positive label's probability."""
        return self.probabilities(inputs)[:, POSITIVE]

    @staticmethod
    def entry(probability: np.float32) -> dict:
        """What a window's answer says."""
        return {"probability": round(float(probability), DECIMALS)}

    @torch.inference_mode()
    def probabilities(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """(n, labels) float32 for n inputs of k-mer ids, without [CLS] and [SEP], of any lengths."""
        answers = np.empty((len(inputs), self.model.config.num_labels), np.float32)
        for pack in self.packs(inputs):
            pooled = self.model.base_model.pooler(self.hidden(pack, pack.starts)[:, None])
            answers[pack.where] = self.model.classifier(pooled).float().softmax(-1).cpu().numpy()
        return answers


def load_classifier(folder: Path | str, context=None, precision: str = "") -> Classifier:
    """The classifier of a checkpoint folder; see `load_network`. ValueError also for fewer than two labels."""
    found = load_network(folder, BertForSequenceClassification, context, precision)
    if found.model.config.num_labels < 2:
        raise ValueError("config.json has one label; a classifier of two or more is needed")
    return Classifier(found.model, found.tokens, found.precision)
