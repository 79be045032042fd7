"""A DNABERT as an embedder: the mean of the last layer's hidden states over the k-mers of a window."""

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

    from transformers import BertConfig


class Encoder(BertModel):
    """BERT without its pooler, which DNABERT's pre-training does not train."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config, add_pooling_layer=False)


@dataclass(frozen=True)
class Embedder(Network):
    """An encoder. Its embedding excludes [CLS] and [SEP]; k-mers that touch an N are included as [MASK]."""

    @property
    def width(self) -> int:
        """Numbers in an embedding."""
        return self.model.config.hidden_size

    def allocate(self, rows: int) -> np.ndarray:
        """Return an uninitialised array for the result of `compute` on that number of inputs."""
        return np.empty((rows, self.width), np.float32)

    @staticmethod
    def to_json(embedding: np.ndarray) -> dict[str, list[float]]:
        """Return the properties of a window's prediction. Five digits exceed half precision."""
        return {"embedding": [float(f"{value:.5g}") for value in embedding.tolist()]}

    @torch.inference_mode()
    def compute(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the embeddings, (n, width) float32, of n inputs of k-mer ids, whose lengths may differ."""
        result = self.allocate(len(inputs))
        for pack in self.packs(inputs):
            sequences = self.hidden(pack).float().split(pack.lengths.tolist())
            means = [sequence[1:-1].mean(dim=0) for sequence in sequences]  # without [CLS] and [SEP]
            result[pack.where] = torch.stack(means).cpu().numpy()
        return result


def load_embedder(folder: Path | str, context: object | None = None, precision: str = "") -> Embedder:
    """Return the encoder of any DNABERT checkpoint folder, without its head; see `load_network`."""
    network = load_network(folder, Encoder, context, precision)
    return Embedder(network.model, network.tokens, network.precision)
