"""Bases and qualities of a block, counted per position and per read without a loop over reads."""

from __future__ import annotations

import numpy as np

from seqdrop.reads.fastq_rows import QUALITY, SEQUENCE, Rows
from seqdrop.reads.matrix import (
    Scratch,
    byte_columns,
    byte_rows,
    flag_columns,
    flag_rows,
    lanes,
    stack_height,
    stacked,
    width_for,
)
from seqdrop.reads.records import NUCLEOTIDES

EXACT = 512  # positions that are counted one by one; a bin of as many follows, and so on
SCORES = 95  # Phred scores from 0 on; the highest is 93 (~)
BINS = 256  # the last one holds all that is further on
MATRIX = 1 << 18  # bytes of a matrix: it must stay in the cache
BASES = b"ACGTN"
_SIZES = (len(BASES) * EXACT, EXACT, (len(BASES) + 1) * BINS, SCORES)
SUMS = sum(_SIZES)
FIGURES = ("ambiguous", "lower", "q20", "q30", "bases", "lowest", "highest", "shortest", "longest")
OFFSET = 33
Q20, Q30 = OFFSET + 20, OFFSET + 30
_LEGAL = np.zeros(256, bool)
_LEGAL[list(NUCLEOTIDES)] = True
_PLAIN = np.zeros(256, bool)
_PLAIN[list(b"ACGTNUacgtnu\0")] = True


class Measure:
    """Counts over reads. Rows of `content` and of the first axis of `bins` are A, C, G, T (and U), N.

    `content` and `quality` are per position up to EXACT; `bins` per EXACT positions, the first bin included, with
    the sum of qualities (bytes, not Phred scores) as their last row. `scores` are reads by the whole part of their mean
    Phred score. All these lie in `sums`, one after the other.
    """

    def __init__(self, sums: np.ndarray | None = None):
        self.sums = np.zeros(SUMS, np.int64) if sums is None else sums
        content, self.quality, bins, self.scores = np.split(self.sums, np.cumsum(_SIZES[:-1]))
        self.content, self.bins = content.reshape(-1, EXACT), bins.reshape(-1, BINS)
        self.ambiguous = 0  # IUPAC codes but N
        self.lower = self.q20 = self.q30 = self.bases = 0
        self.lowest, self.highest = 255, 0  # quality bytes
        self.shortest, self.longest = 1 << 62, 0  # reads
        self.legal = True

    def set_figures(self, figures: list[int]) -> None:
        """All of FIGURES."""
        for name, value in zip(FIGURES, figures, strict=True):
            setattr(self, name, value)

    def add(self, other: Measure) -> None:
        """Add another block's counts."""
        self.sums += other.sums
        for name in FIGURES[:5]:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lowest, self.highest = min(self.lowest, other.lowest), max(self.highest, other.highest)
        self.shortest, self.longest = min(self.shortest, other.shortest), max(self.longest, other.longest)


def measure(rows: Rows, scratch: Scratch) -> Measure:
    """Count these reads. `legal` is False if any byte may not stand where it does; then the counts mean nothing.

    `rows.data` must reach PAD bytes beyond the last read.
    """
    total, lengths = Measure(), rows.lengths
    longest = int(lengths.max(initial=0))
    total.shortest, total.longest, total.bases = int(lengths.min(initial=1 << 62)), longest, int(lengths.sum())
    if longest == 0:
        return total
    sums = np.zeros(len(lengths), np.int64)
    width = min(EXACT, width_for(longest))
    step = max(1, MATRIX // width)
    first = np.minimum(lengths, width)
    sequences, qualities = rows.starts[:, SEQUENCE], rows.starts[:, QUALITY]
    for at in range(0, len(lengths), step):
        part = slice(at, at + step)
        tile = _Tile(rows.data, sequences[part], qualities[part], first[part], width, scratch)
        sums[part] = tile.add_to(total, None, longest > EXACT)
        if not total.legal:
            return total
    if longest > EXACT:
        _add_rest(total, rows, sums, step, scratch)
    filled = lengths > 0
    total.scores += np.bincount(sums[filled] // lengths[filled] - OFFSET, minlength=SCORES) if total.legal else 0
    return total


def _add_rest(total: Measure, rows: Rows, sums: np.ndarray, step: int, scratch: Scratch) -> None:
    """What lies beyond the first EXACT positions, in tiles of EXACT; `sums` are those of each read's qualities."""
    lengths = rows.lengths
    more = np.maximum(0, (lengths - 1) // EXACT)
    owner = np.repeat(np.arange(len(lengths)), more)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(more) - more, more) + 1
    offset = number * EXACT
    size = np.minimum(EXACT, lengths[owner] - offset)
    for at in range(0, len(owner), step):
        part = slice(at, at + step)
        who, shift = owner[part], offset[part]
        sequences, qualities = rows.starts[who, SEQUENCE] + shift, rows.starts[who, QUALITY] + shift
        tile = _Tile(rows.data, sequences, qualities, size[part], EXACT, scratch)
        np.add.at(sums, who, tile.add_to(total, np.minimum(number[part], BINS - 1), True))
        if not total.legal:
            return


class _Tile:
    """Some reads as a matrix, or as much of each as one row holds."""

    def __init__(self, data, sequences, qualities, lengths, width: int, scratch: Scratch):
        self._reads = len(lengths)
        self._shape, self._scratch = (stack_height(len(lengths)), width), scratch
        self._bases = stacked(data, sequences, lengths, scratch("bases", self._shape))
        self._quality = stacked(data, qualities, lengths, scratch("quality", self._shape))
        self._count = int(lengths.sum())

    def add_to(self, total: Measure, bins: np.ndarray | None, binned: bool) -> np.ndarray:
        """Add to `total`, per position where `bins` is None; the sum of qualities of each row."""
        self._add_bases(total, bins, binned)
        return self._add_quality(total, bins, binned)

    def _add_bases(self, total: Measure, bins, binned: bool) -> None:
        rows, left = self._bases, self._count
        flags = self._scratch("flags", self._shape, bool)
        counted = []
        for base in BASES:
            counted.append(self._add_flags(total, len(counted), np.equal(rows, base, out=flags), bins, binned))
            if base != BASES[-1] and sum(counted) == left:  # no N and nothing odd: the common case ends here
                return
        if sum(counted) < left:
            self._add_unusual(total, rows, bins, binned)

    def _add_flags(self, total: Measure, row: int, flags: np.ndarray, bins, binned: bool) -> int:
        if bins is None:
            columns = flag_columns(flags)
            total.content[row, : len(columns)] += columns
            count = int(columns.sum())
            total.bins[row, 0] += count
            return count
        sums = flag_rows(flags)[: self._reads]
        np.add.at(total.bins[row], bins, sums)
        return int(sums.sum())

    def _add_unusual(self, total: Measure, rows: np.ndarray, bins, binned: bool) -> None:
        """Lower case, U, IUPAC codes; and what makes the block illegal."""
        counts = np.bincount(rows.reshape(-1), minlength=256)
        counts[0] -= rows.size - self._count  # what was blanked
        total.legal = total.legal and not counts[~_LEGAL].any()
        if not total.legal:
            return
        total.lower += int(counts[ord("a") : ord("z") + 1].sum())
        total.ambiguous += int(counts[~_PLAIN].sum())
        for row, base in enumerate(b"acgtn"):
            if counts[base]:
                self._add_flags(total, row, rows == base, bins, binned)
        for uracil in b"Uu":
            if counts[uracil]:
                self._add_flags(total, 3, rows == uracil, bins, binned)

    def _add_quality(self, total: Measure, bins, binned: bool) -> np.ndarray:
        rows = self._quality
        flags = self._scratch("flags", self._shape, bool)
        lowest = int(np.subtract(rows, 1, out=flags.view(np.uint8)).min()) + 1  # blanks are 0 and so become 255
        highest = int(rows.max())
        if highest > 126 or (self._count and lowest < OFFSET):
            total.legal = False
            return np.zeros(self._reads, np.int64)
        total.lowest, total.highest = min(total.lowest, lowest), max(total.highest, highest)
        total.q20 += int(np.count_nonzero(np.greater_equal(rows, Q20, out=flags)))
        total.q30 += int(np.count_nonzero(np.greater_equal(rows, Q30, out=flags)))
        even, odd = lanes(rows, self._scratch)
        if bins is None:
            columns = byte_columns(even, odd)
            total.quality[: len(columns)] += columns
        sums = byte_rows(even, odd)[: self._reads]
        if bins is None:
            total.bins[-1, 0] += int(sums.sum())
        else:
            np.add.at(total.bins[-1], bins, sums)
        return sums
