"""Sequences of any lengths laid end to end, so that a pass through the model has no padding at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TOKENS_TOGETHER = 1024
"""Tokens whose attention is computed at once on a CPU: their scores stay in its cache."""


class Stretch(NamedTuple):
    """Sequences of one length that stand side by side in a pack; their attention is computed together."""

    count: int
    tokens: slice
    """Where theirs are in the pack."""
    sequences: slice
    """Which they are in the pack."""


@dataclass(frozen=True)
class Pack:
    """Some inputs of one pass, the longest first."""

    where: np.ndarray
    """(m,) their places in the caller's list."""
    ids: torch.Tensor
    """(1, N) their tokens, end to end, on the model's device."""
    lengths: np.ndarray
    """(m,) tokens of each, falling; they sum to N."""

    @cached_property
    def starts(self) -> torch.Tensor:
        """(m,) where each begins: its [CLS]."""
        return torch.from_numpy(np.cumsum(self.lengths) - self.lengths).to(self.ids.device)

    @cached_property
    def positions(self) -> torch.Tensor:
        """(1, N) each token's place in its sequence."""
        places = np.concatenate([np.arange(length) for length in self.lengths])
        return torch.from_numpy(places)[None].to(self.ids.device)

    @cached_property
    def stretches(self) -> list[Stretch]:
        """All sequences, in order."""
        return list(stretches(self.lengths.tolist(), self.ids.device.type))


def packs(inputs: Sequence[np.ndarray], most_tokens: int, device: torch.device) -> Iterator[Pack]:
    """Token ids of any lengths as packs of at most `most_tokens`, or of one input, the longest inputs first."""
    lengths = np.array([len(ids) for ids in inputs], dtype=np.int64)
    order, first = np.argsort(-lengths, kind="stable"), 0
    while first < len(order):
        held = np.cumsum(lengths[order[first:]]) <= most_tokens
        where = order[first : first + max(1, int(np.count_nonzero(held)))]
        ids = torch.from_numpy(np.concatenate([inputs[i] for i in where]))[None].to(device)
        yield Pack(where, ids, lengths[where])
        first += len(where)


def stretches(lengths: list[int], device: str) -> Iterator[Stretch]:
    """Neighbours of one length, so many together as suit the device."""
    sequence = token = 0
    for length, same in groupby(lengths):
        end = sequence + len(list(same))
        most = max(1, TOKENS_TOGETHER // length) if device == "cpu" else end - sequence
        for first in range(sequence, end, most):
            count = min(most, end - first)
            yield Stretch(count, slice(token, token + count * length), slice(first, first + count))
            token += count * length
        sequence = end
