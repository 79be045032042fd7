"""The distribution of lengths in bounded memory: exact up to 4,096, then in bins of at most 0.05 % width.

What is counted while a file is read: the quality report of one file (qc.schema.json).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.measure import BASES, BINS, EXACT, OFFSET, Measure
from seqdrop.reads.origin import Origin

if TYPE_CHECKING:
    from seqdrop.report.schema import Qc

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
            return None
        self.shortest = shortest if self.shortest is None else min(self.shortest, shortest)
        self.longest = max(self.longest, longest)
        if shortest == longest:
            return self._count(shortest, len(lengths), longest * len(lengths))
        values, counts = _counted(lengths, longest)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            self._count(value, count, value * count)
        return None

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


A, C, G, T, N = range(len(BASES))
# Phred+64 spans ; (Solexa's -5) to ~ and Phred+33 of Illumina ! to J; between ; and J both are possible.
LOWEST_64, HIGHEST_33 = ord(";"), ord("J")


class Tally:
    """Counts over all sound records of a file."""

    def __init__(self):
        self.records = 0
        self.sums = Measure()
        self.lengths = Lengths()
        self.origin = Origin()
        self.with_quality = 0  # bases
        self.bases = 0
        self.residues: Counter[str] | None = None  # of proteins: each letter, in upper case

    def add(self, measure: Measure, lengths: np.ndarray) -> None:
        """Add a block of reads with qualities."""
        self.sums.add(measure)
        self.lengths.add(lengths, measure.shortest, measure.longest)
        self.records += len(lengths)
        self.bases += measure.bases
        self.with_quality += measure.bases

    def add_bases(self, measure: Measure) -> None:
        """Add sequence of which records are counted apart (FASTA, whose records span blocks)."""
        self.sums.add(measure)
        self.bases += int(measure.bins[: len(BASES)].sum()) + measure.ambiguous

    def add_residues(self, counts: np.ndarray) -> None:
        """Add sequence of proteins: how often each byte stands in it. What is no letter is no residue."""
        upper, lower = counts[65:91], counts[97:123]
        found = {chr(65 + place): int(number) for place, number in enumerate(upper + lower) if number}
        self.residues = (self.residues or Counter()) + Counter(found)
        self.bases += sum(found.values())
        self.sums.lower += int(lower.sum())
        self.sums.ambiguous += sum(number for letter, number in found.items() if letter in "XBZJUO")

    def add_length(self, length: int) -> None:
        self.records += 1
        self.lengths.add(np.array([length]), length, length)

    def phred64(self) -> str | None:
        """The evidence that qualities are Phred+64, or None."""
        low, high = self.sums.lowest, self.sums.highest
        if self.with_quality and low >= LOWEST_64 and high > HIGHEST_33:
            scores = f"{low - OFFSET} to {high - OFFSET}"
            return f"quality characters span {low} to {high} (ASCII); as Phred+33 they would be scores of {scores}"
        return None

    def report(self) -> Qc:
        """As JSON (qc.schema.json). Fractions are of bases; qualities are Phred+33 scores, arithmetic means."""
        counts = self.sums.bins[: len(BASES)].sum(axis=1)
        quality = int(self.sums.bins[-1].sum()) - OFFSET * self.with_quality
        return {
            "records": self.records,
            "bases": self.bases,
            "gc_fraction": _share(counts[C] + counts[G], counts[:N].sum()),
            "n_fraction": None if self.residues is not None else _share(counts[N], self.bases),
            "base_counts": self._base_counts(counts),
            "residue_counts": None if self.residues is None else dict(sorted(self.residues.items())),
            "ambiguous": self.sums.ambiguous,
            "lower_case": self.sums.lower,
            "shortest": self.lengths.shortest,
            "longest": self.lengths.longest,
            "mean_length": _share(self.bases, self.records, 1),
            "n50": self.lengths.n50(),
            "lengths": self.lengths.histogram(),
            "mean_quality": _share(quality, self.with_quality, 2),
            "q20_fraction": _share(self.sums.q20, self.with_quality),
            "q30_fraction": _share(self.sums.q30, self.with_quality),
            "quality_encoding": self._encoding(),
            "read_quality": self._read_quality(),
            "positions": self._positions(),
            "bins": self._bins(),
            "origin": self.origin.report(),
        }

    def _base_counts(self, counts: np.ndarray) -> dict[str, int] | None:
        if self.residues is not None:
            return None
        return {chr(base): int(count) for base, count in zip(BASES, counts, strict=True)}

    def _encoding(self) -> dict | None:
        if not self.with_quality:
            return None
        name = "phred+64" if self.phred64() else "phred+33"
        return {"name": name, "lowest": self.sums.lowest, "highest": self.sums.highest}

    def _read_quality(self) -> list[list[int]]:
        return [[score, count] for score, count in enumerate(self.sums.scores.tolist()) if count]

    def _positions(self) -> dict | None:
        """Lists over the first positions: reads that reach it, share of each base, mean quality."""
        if not self.with_quality:
            return None
        end = min(self.lengths.longest, EXACT)
        reads = self.lengths.reaching(EXACT)[:end]
        content, quality = self.sums.content[:, :end], self.sums.quality[:end]
        return {
            "reads": reads.tolist(),
            **_content(content, reads),
            "quality": _means(quality - OFFSET * reads, reads),
        }

    def _bins(self) -> dict | None:
        """The same in bins of EXACT positions, for long reads; the last of BINS bins holds the rest."""
        if self.lengths.longest <= EXACT or not self.with_quality:
            return None
        end = min(BINS, -(-self.lengths.longest // EXACT))
        content = self.sums.bins[: len(BASES), :end]
        bases = content.sum(axis=0)
        quality = _means(self.sums.bins[-1, :end] - OFFSET * bases, bases)
        return {"width": EXACT, **_content(content, bases), "quality": quality}


def _content(content: np.ndarray, bases: np.ndarray) -> dict[str, list[float | None]]:
    return {chr(base): _means(row, bases, 4) for base, row in zip(BASES, content, strict=True)}


def _means(sums: np.ndarray, counts: np.ndarray, digits: int = 2) -> list[float | None]:
    return [_share(int(part), int(whole), digits) for part, whole in zip(sums, counts, strict=True)]


def _share(part, whole, digits: int = 4) -> float | None:
    return round(float(part) / float(whole), digits) if whole else None
