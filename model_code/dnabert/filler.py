"""A pre-trained DNABERT as a masked language model: the likeliest bases of a masked interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from network import Network, load_network
from tokens import BASES, OTHER
from transformers import BertForMaskedLM

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Filler(Network):
    """A masked language model. Its prediction for a token is a distribution over all 4**k k-mers.

    K-mers are ordered with A before C before G before T.
    """

    @cached_property
    def kmers(self) -> np.ndarray:
        """Codes of all k-mers in the order of `compute`, (4**k, k) uint8."""
        place_values = len(BASES) ** np.arange(self.tokens.k - 1, -1, -1)
        return (np.arange(len(BASES) ** self.tokens.k)[:, None] // place_values % len(BASES)).astype(np.uint8)

    @torch.inference_mode()
    def compute(self, inputs: Sequence[np.ndarray], positions: np.ndarray) -> np.ndarray:
        """Return the probabilities of all k-mers at one position of each input, (n, 4**k) float32.

        The n inputs are arrays of k-mer ids without [CLS] and [SEP]; `positions` (n,) are 0-based indices of k-mers.
        """
        result = np.empty((len(inputs), len(self.tokens.table)), np.float32)
        table = torch.from_numpy(self.tokens.table).to(self.model.device)
        for pack in self.packs(inputs):
            rows = pack.starts + torch.from_numpy(positions[pack.where] + 1).to(table.device)  # [CLS] is token 0
            logits = self.model.cls(self.hidden(pack, rows))
            result[pack.where] = logits[:, table].float().softmax(-1).cpu().numpy()
        return result

    def candidates(
        self, probabilities: np.ndarray, known: np.ndarray, span: slice, count: int
    ) -> list[dict[str, str | float]]:
        """Return at most `count` candidates for the bases of `span`, a part of a k-mer, the likeliest first.

        `probabilities` (4**k,) are those of the k-mers, `known` (k,) the codes of its other bases (OTHER if unknown).
        Only k-mers that agree with the known bases count; their probabilities are scaled to sum to 1.
        """
        agrees = ((self.kmers == known) | (known == OTHER)).all(axis=1)
        width = span.stop - span.start
        number = self.kmers[agrees][:, span] @ (len(BASES) ** np.arange(width - 1, -1, -1))
        share = np.bincount(number, probabilities[agrees].astype(np.float64), len(BASES) ** width)
        share /= max(share.sum(), np.finfo(np.float64).tiny)
        best = np.argsort(-share, kind="stable")[:count]
        return [{"bases": _spell(index, width), "probability": round(float(share[index]), 6)} for index in best]


def _spell(number: int, width: int) -> str:
    """Return the bases of a number in base 4 (A 0, C 1, G 2, T 3)."""
    return "".join(BASES[number // len(BASES) ** place % len(BASES)] for place in range(width - 1, -1, -1))


def load_filler(folder: Path | str, context: object | None = None, precision: str = "") -> Filler:
    """Return the masked language model of a checkpoint folder; see `load_network`."""
    network = load_network(folder, BertForMaskedLM, context, precision)
    return Filler(network.model, network.tokens, network.precision)
