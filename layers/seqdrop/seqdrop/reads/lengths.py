"""The distribution of lengths in bounded memory: exact up to 4,096, then in bins of at most 0.05 % width."""

from __future__ import annotations

from collections import Counter

import numpy as np

DIGITS = 12  # binary digits of a length that are kept


class Lengths:
    """Reads and bases by length. `shortest` and `longest` are exact."""

    def __init__(self):
        self.reads: Counter[int] = Counter()  # by the lower end of the bin
        self.bases: Counter[int] = Counter()
        self.shortest: int | None = None
        self.longest = 0

    def add(self, lengths: np.ndarray, shortest: int, longest: int) -> None:
        """Add the lengths of some reads, of which these are the least and the most."""
        if not len(lengths):
            return
        self.shortest = shortest if self.shortest is None else min(self.shortest, shortest)
        self.longest = max(self.longest, longest)
        if shortest == longest:
            return self._count(shortest, len(lengths), longest * len(lengths))
        values, counts = _counted(lengths, longest)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._count(value, count, value * count)

    def _count(self, length: int, reads: int, bases: int) -> None:
        drop = max(0, length.bit_length() - DIGITS)
        low = length >> drop << drop
        self.reads[low] += reads
        self.bases[low] += bases

    def reaching(self, positions: int) -> np.ndarray:
        """How many reads have a base at each of the first `positions` positions (up to 4,096)."""
        starts = np.zeros(positions + 1, np.int64)
        for length, count in self.reads.items():
            starts[min(length, positions)] += count
        return np.cumsum(starts[::-1])[::-1][1:]

    def n50(self) -> int | None:
        """The length such that reads of at least it hold half of all bases."""
        left = sum(self.bases.values()) / 2
        for length in sorted(self.bases, reverse=True):
            left -= self.bases[length]
            if left <= 0:
                return length
        return None

    def histogram(self) -> list[list[int]]:
        """[length, reads] pairs in order."""
        return [[length, self.reads[length]] for length in sorted(self.reads)]


def _counted(lengths: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """The different lengths, and how many there are of each; without sorting where they are short."""
    if longest > 8 * len(lengths):
        return np.unique(lengths, return_counts=True)
    counts = np.bincount(lengths)
    values = np.flatnonzero(counts)
    return values, counts[values]
