"""Count records by length in bounded memory: exactly below 4,096, then in bins that are at most 0.05 % wide."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from seqdrop.reads.arrays import Int64Array
    from seqdrop.report.schema import Pairs

DIGITS = 12  # leading binary digits of a length that are kept


class Lengths:
    """The number of records and of bases by length. `shortest` and `longest` are exact."""

    def __init__(self) -> None:
        self.reads: Counter[int] = Counter()  # the keys are the lower ends of bins
        self.bases: Counter[int] = Counter()
        self.shortest: int | None = None
        self.longest = 0

    def add(self, lengths: Int64Array, shortest: int, longest: int) -> None:
        """Add lengths; `shortest` and `longest` are the smallest and the largest of them."""
        if not len(lengths):
            return
        self.shortest = shortest if self.shortest is None else min(self.shortest, shortest)
        self.longest = max(self.longest, longest)
        if shortest == longest:
            self._count(shortest, len(lengths), longest * len(lengths))
            return
        values, counts = _count_values(lengths, longest)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._count(value, count, value * count)

    def _count(self, length: int, reads: int, bases: int) -> None:
        dropped = max(0, length.bit_length() - DIGITS)
        low = length >> dropped << dropped
        self.reads[low] += reads
        self.bases[low] += bases

    def count_reaching(self, positions: int) -> Int64Array:
        """Return the number of reads that have position 1, 2, … `positions` (at most 4,096)."""
        ends = np.zeros(positions + 1, np.int64)
        for length, count in self.reads.items():
            ends[min(length, positions)] += count
        return np.cumsum(ends[::-1])[::-1][1:]

    def n50(self) -> int | None:
        """Return the N50: records of at least this length contain half of all bases. None if there are no bases.

        From 4,096 on it is the lower end of a bin.
        """
        left = sum(self.bases.values()) / 2
        for length in sorted(self.bases, reverse=True):
            left -= self.bases[length]
            if left <= 0:
                return length
        return None

    def histogram(self) -> Pairs:
        """Return [length, number of records] pairs, ordered by length."""
        return [[length, self.reads[length]] for length in sorted(self.reads)]


def _count_values(lengths: Int64Array, longest: int) -> tuple[Int64Array, Int64Array]:
    """Return the different lengths and the number of each. Sorting is slower, so it is used only for long lengths."""
    if longest > 8 * len(lengths):
        return np.unique(lengths, return_counts=True)
    counts = np.bincount(lengths)
    values = np.flatnonzero(counts)
    return values, counts[values]
