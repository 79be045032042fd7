"""A pre-trained DNABERT folder asked what stands in a masked stretch: its masked language model."""

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
    """What it says of a token is a distribution over all k-mers, 4**k of them, A before C before G before T."""

    @cached_property
    def kmers(self) -> np.ndarray:
        """(4**k, k) codes of all k-mers, in the order of `outputs`."""
        places = len(BASES) ** np.arange(self.tokens.k - 1, -1, -1)
        return (np.arange(len(BASES) ** self.tokens.k)[:, None] // places % len(BASES)).astype(np.uint8)

    @torch.inference_mode()
    def outputs(self, inputs: Sequence[np.ndarray], places: np.ndarray) -> np.ndarray:
        """(n, 4**k) float32 for n inputs of k-mer ids: the k-mers' probabilities at each input's place (n,)."""
        answers = np.empty((len(inputs), len(self.tokens.table)), np.float32)
        table = torch.from_numpy(self.tokens.table).to(self.model.device)
        for pack in self.packs(inputs):
            at = pack.starts + torch.from_numpy(places[pack.where] + 1).to(table.device)  # [CLS] stands first
            logits = self.model.cls(self.hidden(pack, at))
            answers[pack.where] = logits[:, table].float().softmax(-1).cpu().numpy()
        return answers

    def candidates(self, probabilities: np.ndarray, known: np.ndarray, span: slice, most: int) -> list[dict]:
        """The likeliest fillings of `span`, a part of a k-mer whose other bases are `known` (codes; OTHER if not).

        Only k-mers that agree with what is known count; their probabilities are made to sum to one.
        """
        agrees = ((self.kmers == known) | (known == OTHER)).all(axis=1)
        width = span.stop - span.start
        number = self.kmers[agrees][:, span] @ (len(BASES) ** np.arange(width - 1, -1, -1))
        share = np.bincount(number, probabilities[agrees].astype(np.float64), len(BASES) ** width)
        share /= max(share.sum(), np.finfo(np.float64).tiny)
        best = np.argsort(-share, kind="stable")[:most]
        return [{"bases": _letters(index, width), "probability": round(float(share[index]), 6)} for index in best]


def _letters(number: int, width: int) -> str:
    return "".join(BASES[number // len(BASES) ** place % len(BASES)] for place in range(width - 1, -1, -1))


def load_filler(folder: Path | str, context=None, precision: str = "") -> Filler:
    """The masked language model of a checkpoint folder; see `load_network`."""
    found = load_network(folder, BertForMaskedLM, context, precision)
    return Filler(found.model, found.tokens, found.precision)
