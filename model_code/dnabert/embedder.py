"""A DNABERT folder asked for embeddings: the mean over a window's k-mers of the last layer's hidden states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from network import Network, load_network
from transformers import BertModel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Encoder(BertModel):
    """BERT without its pooler, which no pre-training of DNABERT's kind trains."""

    def __init__(self, config) -> None:
        super().__init__(config, add_pooling_layer=False)


@dataclass(frozen=True)
class Embedder(Network):
    """An encoder. Its embedding leaves [CLS] and [SEP] out; k-mers under an N count as the [MASK] they became."""

    @property
    def width(self) -> int:
        return self.model.config.hidden_size

    def room(self, rows: int) -> np.ndarray:
        """Where `outputs` of so many rows go."""
        return np.empty((rows, self.width), np.float32)

    @staticmethod
    def entry(embedding: np.ndarray) -> dict:
        """What a window's answer says; five digits are more than half precision carries."""
        return {"embedding": [float(f"{value:.5g}") for value in embedding.tolist()]}

    @torch.inference_mode()
    def outputs(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """(n, width) float32 for n inputs of k-mer ids, of any lengths."""
        answers = self.room(len(inputs))
        for pack in self.packs(inputs):
            sequences = self.hidden(pack).float().split(pack.lengths.tolist())
            means = [sequence[1:-1].mean(dim=0) for sequence in sequences]  # neither [CLS] nor [SEP]
            answers[pack.where] = torch.stack(means).cpu().numpy()
        return answers


def load_embedder(folder: Path | str, context=None, precision: str = "") -> Embedder:
    """The encoder of any DNABERT checkpoint folder, its head left aside; see `load_network`."""
    found = load_network(folder, Encoder, context, precision)
    return Embedder(found.model, found.tokens, found.precision)
