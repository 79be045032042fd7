"""Bases and qualities of a block, counted per position and per read without a loop over reads."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from seqdrop.reads import kernel
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
BINS = 256  # the last one holds all that is further on
MATRIX = 1 << 18  # bytes of a matrix: it must stay in the cache
BASES = b"ACGTN"
LOWER = 0x20
OFFSET = 33
Q20, Q30 = OFFSET + 20, OFFSET + 30
_LEGAL = np.zeros(256, bool)
_LEGAL[list(NUCLEOTIDES)] = True
_PLAIN = np.zeros(256, bool)
_PLAIN[list(b"ACGTNUacgtnu\0")] = True


@dataclass
class Measure:
    """Counts over reads. Rows of `content` and of the first axis of `bins` are A, C, G, T (and U), N.

    `content` and `quality` are per position up to EXACT; `bins` per EXACT positions, the first bin included, with
    the sum of qualities (bytes, not Phred scores) as their last row. `per_read` is the sum of quality bytes.
    """

    content: np.ndarray = field(default_factory=lambda: np.zeros((len(BASES), EXACT), np.int64))
    quality: np.ndarray = field(default_factory=lambda: np.zeros(EXACT, np.int64))
    bins: np.ndarray = field(default_factory=lambda: np.zeros((len(BASES) + 1, BINS), np.int64))
    per_read: np.ndarray | None = None
    ambiguous: int = 0  # IUPAC codes but N
    lower: int = 0
    q20: int = 0
    q30: int = 0
    lowest: int = 255  # quality bytes
    highest: int = 0
    legal: bool = True

    def add(self, other: Measure) -> None:
        """Add another block's counts; `per_read` stays as it is."""
        self.content += other.content
        self.quality += other.quality
        self.bins += other.bins
        for name in ("ambiguous", "lower", "q20", "q30"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lowest, self.highest = min(self.lowest, other.lowest), max(self.highest, other.highest)


def measure(
    data: np.ndarray,
    sequences: np.ndarray,
    qualities: np.ndarray | None,
    lengths: np.ndarray,
    scratch: Scratch,
) -> Measure:
    """Count the reads that start at `sequences` (and `qualities`). `legal` is False if any byte may not stand there.

    Then the counts are good for nothing. `data` must reach PAD bytes beyond the last read.
    """
    total = Measure(per_read=np.zeros(len(lengths), np.int64))
    longest = int(lengths.max(initial=0))
    if longest == 0:
        return total
    if kernel.lib and qualities is not None:
        kernel.measure(data, sequences, qualities, lengths, total)
        return total
    width = min(EXACT, width_for(longest))
    step = max(1, MATRIX // width)
    first = np.minimum(lengths, width)
    for at in range(0, len(lengths), step):
        part = slice(at, at + step)
        starts = (sequences[part], None if qualities is None else qualities[part])
        tile = _Tile(data, *starts, first[part], width, scratch)
        total.per_read[part] = tile.add_to(total, None, longest > EXACT)
        if not total.legal:
            return total
    if longest > EXACT:
        _add_rest(total, data, sequences, qualities, lengths, step, scratch)
    return total


def _add_rest(total: Measure, data, sequences, qualities, lengths, step: int, scratch: Scratch) -> None:
    """What lies beyond the first EXACT positions, in tiles of EXACT."""
    more = np.maximum(0, (lengths - 1) // EXACT)
    owner = np.repeat(np.arange(len(lengths)), more)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(more) - more, more) + 1
    offset = number * EXACT
    size = np.minimum(EXACT, lengths[owner] - offset)
    for at in range(0, len(owner), step):
        part = slice(at, at + step)
        who, shift = owner[part], offset[part]
        quality = None if qualities is None else qualities[who] + shift
        tile = _Tile(data, sequences[who] + shift, quality, size[part], EXACT, scratch)
        sums = tile.add_to(total, np.minimum(number[part], BINS - 1), True)
        np.add.at(total.per_read, who, sums)
        if not total.legal:
            return


class _Tile:
    """Some reads as a matrix, or as much of each as one row holds."""

    def __init__(self, data, sequences, qualities, lengths, width: int, scratch: Scratch):
        self._reads = len(lengths)
        self._shape, self._scratch = (stack_height(len(lengths)), width), scratch
        self._bases = stacked(data, sequences, lengths, scratch("bases", self._shape))
        self._quality = None
        if qualities is not None:
            self._quality = stacked(data, qualities, lengths, scratch("quality", self._shape))
        self._count = int(lengths.sum())

    def add_to(self, total: Measure, bins: np.ndarray | None, binned: bool) -> np.ndarray | int:
        """Add to `total`, per position where `bins` is None; the sum of qualities of each row."""
        self._add_bases(total, bins, binned)
        return self._add_quality(total, bins, binned) if self._quality is not None else 0

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
