"""Sequences of any lengths laid end to end, so that a forward pass needs no padding."""

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
"""Maximum tokens whose attention is computed together on a CPU. Their scores stay in its cache."""


class LengthGroup(NamedTuple):
    """Adjacent sequences of one length in a pack; their attention is computed together."""

    count: int
    tokens: slice
    """Their tokens in the pack."""
    sequences: slice
    """Their indices among the sequences of the pack."""


@dataclass(frozen=True)
class Pack:
    """The m inputs of one forward pass, the longest first."""

    where: np.ndarray
    """Their indices in the caller's list, (m,)."""
    ids: torch.Tensor
    """Their tokens end to end, (1, N), on the model's device."""
    lengths: np.ndarray
    """Their numbers of tokens, (m,), in descending order; the sum is N."""

    @cached_property
    def starts(self) -> torch.Tensor:
        """Index of the first token of each input, its [CLS], (m,)."""
        return torch.from_numpy(np.cumsum(self.lengths) - self.lengths).to(self.ids.device)

    @cached_property
    def positions(self) -> torch.Tensor:
        """Position of each token in its own sequence, (1, N)."""
        positions = np.concatenate([np.arange(length) for length in self.lengths])
        return torch.from_numpy(positions)[None].to(self.ids.device)

    @cached_property
    def groups(self) -> list[LengthGroup]:
        """Groups that together contain all sequences, in order."""
        return list(group_lengths(self.lengths.tolist(), self.ids.device.type))


def make_packs(inputs: Sequence[np.ndarray], most_tokens: int, device: torch.device) -> Iterator[Pack]:
    """Yield packs of token ids, the longest inputs first.

    A pack has at most `most_tokens` tokens, or consists of a single longer input.
    """
    lengths = np.array([len(ids) for ids in inputs], dtype=np.int64)
    order, first = np.argsort(-lengths, kind="stable"), 0
    while first < len(order):
        fits = np.cumsum(lengths[order[first:]]) <= most_tokens
        where = order[first : first + max(1, int(np.count_nonzero(fits)))]
        ids = torch.from_numpy(np.concatenate([inputs[i] for i in where]))[None].to(device)
        yield Pack(where, ids, lengths[where])
        first += len(where)


def group_lengths(lengths: list[int], device: str) -> Iterator[LengthGroup]:
    """Yield groups of adjacent sequences of equal length; on a CPU a group has at most TOKENS_TOGETHER tokens.

    A single longer sequence is a group of its own.
    """
    sequence = token = 0
    for length, same in groupby(lengths):
        end = sequence + len(list(same))
        most = max(1, TOKENS_TOGETHER // length) if device == "cpu" else end - sequence
        for first in range(sequence, end, most):
            count = min(most, end - first)
            yield LengthGroup(count, slice(token, token + count * length), slice(first, first + count))
            token += count * length
        sequence = end
