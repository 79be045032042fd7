"""A fine-tuned DNABERT as a classifier: class probabilities of sequences."""

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
"""Index of the label whose probability is reported."""
DECIMALS = 6


@dataclass(frozen=True)
class Classifier(Network):
    """A sequence classifier. Its probabilities are an fp32 softmax over its labels."""

    def label(self, index: int) -> str:
        """Return the name of a label."""
        return self.model.config.id2label[index]

    def allocate(self, rows: int) -> np.ndarray:
        """Return an uninitialised array for the result of `compute` on that number of inputs."""
        return np.empty(rows, np.float32)

    def compute(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probability of the positive label of each input, (n,) float32."""
        return self.probabilities(inputs)[:, POSITIVE]

    @staticmethod
    def to_json(probability: np.float32) -> dict[str, float]:
        """Return the properties of a window's prediction."""
        return {"probability": round(float(probability), DECIMALS)}

    @torch.inference_mode()
    def probabilities(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the probabilities of all labels, (n, labels) float32.

        The n inputs are arrays of k-mer ids without [CLS] and [SEP]; their lengths may differ.
        """
        result = np.empty((len(inputs), self.model.config.num_labels), np.float32)
        for pack in self.packs(inputs):
            pooled = self.model.base_model.pooler(self.hidden(pack, pack.starts)[:, None])
            result[pack.where] = self.model.classifier(pooled).float().softmax(-1).cpu().numpy()
        return result


def load_classifier(folder: Path | str, context: object | None = None, precision: str = "") -> Classifier:
    """Return the classifier of a checkpoint folder; see `load_network`.

    Raise ValueError for an invalid folder, and if the model has fewer than two labels.
    """
    network = load_network(folder, BertForSequenceClassification, context, precision)
    if network.model.config.num_labels < 2:
        raise ValueError("config.json has one label; a classifier needs two or more")
    return Classifier(network.model, network.tokens, network.precision)
