"""Count the bases and qualities of a block by position and by read, without a loop over reads."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.fastq_rows import QUALITY, SEQUENCE, Rows
from seqdrop.reads.matrix import (
    Scratch,
    byte_columns,
    byte_rows,
    flag_columns,
    flag_rows,
    split_lanes,
    stack,
    stack_height,
    width_for,
)
from seqdrop.reads.records import NUCLEOTIDES

if TYPE_CHECKING:
    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt8Array

EXACT = 512  # the first positions, which are counted one by one; also the number of positions in a bin
SCORES = 95  # mean Phred scores from 0 on; the highest possible is 93 (~)
BINS = 256  # the last bin has all later positions
MATRIX = 1 << 18  # bytes of a matrix, which must fit in the processor's cache
BASES = b"ACGTN"
_SIZES = (len(BASES) * EXACT, EXACT, (len(BASES) + 1) * BINS, SCORES, SCORES)
SUMS = sum(_SIZES)
ADDED = ("ambiguous", "lower", "uracil", "q20", "q30", "bases", "errors")  # figures of a block that are added to others
FIGURES = (*ADDED, "lowest", "highest", "shortest", "longest")
OFFSET = 33
Q20, Q30 = OFFSET + 20, OFFSET + 30
ERROR_UNIT = (
    1 << 39
)  # errors are multiples of 1 / ERROR_UNIT; the sum over a record of 16 MB (2**23 bases) fits in 63 bits
ERRORS = np.zeros(256, np.int64)
"""The probability of an error by quality byte, in units of 1 / ERROR_UNIT; 0 for bytes that are no quality."""
ERRORS[OFFSET:127] = np.rint(10.0 ** (-np.arange(127 - OFFSET) / 10) * ERROR_UNIT)
_LEGAL = np.zeros(256, bool)
_LEGAL[list(NUCLEOTIDES)] = True
_PLAIN = np.zeros(256, bool)
_PLAIN[list(b"ACGTNUacgtnu\0")] = True


@cache
def _pair_errors() -> Int64Array:
    """Return the sum of ERRORS of two bytes, by their value as a 16-bit number; half as many look-ups are needed."""
    return (ERRORS[:, None] + ERRORS).reshape(-1)


class Measure:
    """Counts over reads.

    `content` is (5, EXACT): A, C, G, T (with U) and N by position. `quality` is (EXACT,): the sum of quality bytes (not
    Phred scores) by position. `bins` is (6, BINS): the same five bases and the sum of quality bytes, each for EXACT
    positions, from position 1 on. `scores` is (SCORES,): the number of reads by the whole part of their mean Phred
    score. `error_scores` is the same for the Phred score of their mean probability of an error, and `errors` the sum of
    these probabilities over all bases, in units of 1 / ERROR_UNIT. All arrays are consecutive views of `sums`. If
    `legal` is False, the counts are meaningless.
    """

    def __init__(self, sums: Int64Array | None = None) -> None:
        self.sums = np.zeros(SUMS, np.int64) if sums is None else sums
        content, self.quality, bins, self.scores, self.error_scores = np.split(self.sums, np.cumsum(_SIZES[:-1]))
        self.content, self.bins = content.reshape(-1, EXACT), bins.reshape(-1, BINS)
        self.ambiguous = 0  # IUPAC codes except N
        self.uracil = 0  # U and u, which are also counted as T
        self.lower = self.q20 = self.q30 = self.bases = self.errors = 0
        self.lowest, self.highest = 255, 0  # the lowest and the highest quality byte
        self.shortest, self.longest = 1 << 62, 0  # lengths of reads
        self.legal = True

    def set_figures(self, figures: list[int]) -> None:
        """Set the attributes that FIGURES names, from values in this order."""
        for name, value in zip(FIGURES, figures, strict=True):
            setattr(self, name, value)

    def add(self, other: Measure) -> None:
        """Add the counts of another block."""
        self.sums += other.sums
        for name in ADDED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.lowest, self.highest = min(self.lowest, other.lowest), max(self.highest, other.highest)
        self.shortest, self.longest = min(self.shortest, other.shortest), max(self.longest, other.longest)


def measure(rows: Rows, scratch: Scratch) -> Measure:
    """Count the reads of a block. If a base or quality is not allowed, `legal` is False and the counts are meaningless.

    `rows.data` must extend PAD bytes beyond the last read.
    """
    total, lengths = Measure(), rows.lengths
    longest = int(lengths.max(initial=0))
    total.shortest, total.longest, total.bases = int(lengths.min(initial=1 << 62)), longest, int(lengths.sum())
    if longest == 0:
        return total
    sums, errors = np.zeros(len(lengths), np.int64), np.zeros(len(lengths), np.int64)
    width = min(EXACT, width_for(longest))
    step = max(1, MATRIX // width)
    first = np.minimum(lengths, width)
    sequences, qualities = rows.starts[:, SEQUENCE], rows.starts[:, QUALITY]
    for at in range(0, len(lengths), step):
        part = slice(at, at + step)
        tile = _Tile(rows.data, sequences[part], qualities[part], first[part], width, scratch)
        sums[part], errors[part] = tile.add_to(total, None)
        if not total.legal:
            return total
    if longest > EXACT:
        _add_rest(total, rows, (sums, errors), step, scratch)
    if total.legal:
        filled = lengths > 0
        total.scores += np.bincount(sums[filled] // lengths[filled] - OFFSET, minlength=SCORES)
        scores = score_errors(errors[filled], lengths[filled])
        total.error_scores += np.bincount(scores, minlength=SCORES)
        total.errors = int(errors.sum())
    return total


def score_errors(errors: Int64Array, lengths: Int64Array) -> Int64Array:
    """Return the whole part of the Phred score of each read's mean probability of an error.

    `errors` are the sums of ERRORS over the reads. The comparison of whole numbers makes the result exact.
    """
    thresholds = ERRORS[OFFSET:127]
    scores = np.clip(-10 * np.log10(errors / lengths / ERROR_UNIT), 0, len(thresholds) - 1).astype(np.int64)
    scores -= (errors > lengths * thresholds[scores]) & (scores > 0)
    higher = np.minimum(scores + 1, len(thresholds) - 1)
    exact: Int64Array = np.where(errors <= lengths * thresholds[higher], higher, scores)
    return exact


def _add_rest(total: Measure, rows: Rows, sums: tuple[Int64Array, Int64Array], step: int, scratch: Scratch) -> None:
    """Add the positions after the first EXACT ones to `total`, in tiles of EXACT.

    Add their quality bytes and their probabilities of an error to `sums`.
    """
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
        quality, errors = tile.add_to(total, np.minimum(number[part], BINS - 1))
        np.add.at(sums[0], who, quality)
        np.add.at(sums[1], who, errors)
        if not total.legal:
            return


class _Tile:
    """A matrix with a row for each read, or for the part of a read that fits in a row."""

    def __init__(
        self,
        data: UInt8Array,
        sequences: Int64Array,
        qualities: Int64Array,
        lengths: Int64Array,
        width: int,
        scratch: Scratch,
    ) -> None:
        self._reads = len(lengths)
        self._shape = (stack_height(len(lengths)), width)
        self._scratch = scratch
        self._bases = stack(data, sequences, lengths, scratch("bases", self._shape))
        self._quality = stack(data, qualities, lengths, scratch("quality", self._shape))
        self._count = int(lengths.sum())

    def add_to(self, total: Measure, bins: Int64Array | None) -> tuple[Int64Array, Int64Array]:
        """Add the counts to `total`. Return the sums of quality bytes and of ERRORS of each row.

        `bins` is the bin of each row; None if the rows are the first positions, which are also counted one by one.
        """
        self._add_bases(total, bins)
        pairs = self._quality.view(np.uint16)
        errors = np.take(_pair_errors(), pairs, out=self._scratch("errors", pairs.shape, np.int64), mode="clip")
        return self._add_quality(total, bins), np.einsum("ij->i", errors)[: self._reads]

    def _add_bases(self, total: Measure, bins: Int64Array | None) -> None:
        rows, left = self._bases, self._count
        flags = self._scratch("flags", self._shape, bool)
        for row, base in enumerate(BASES):
            left -= self._add_flags(total, row, np.equal(rows, base, out=flags), bins)
            if not left:  # often there is no N and nothing unusual
                return
        self._add_unusual(total, rows, bins)

    def _add_flags(self, total: Measure, row: int, flags: BoolArray, bins: Int64Array | None) -> int:
        if bins is None:
            columns = flag_columns(flags)
            total.content[row, : len(columns)] += columns
            count = int(columns.sum())
            total.bins[row, 0] += count
            return count
        sums = flag_rows(flags)[: self._reads]
        np.add.at(total.bins[row], bins, sums)
        return int(sums.sum())

    def _add_unusual(self, total: Measure, rows: UInt8Array, bins: Int64Array | None) -> None:
        """Add lower case, U and IUPAC codes; set `legal` to False for any other byte."""
        counts = np.bincount(rows.reshape(-1), minlength=256)
        counts[0] -= rows.size - self._count  # the zeros after the reads
        total.legal = total.legal and not counts[~_LEGAL].any()
        if not total.legal:
            return
        total.lower += int(counts[ord("a") : ord("z") + 1].sum())
        total.ambiguous += int(counts[~_PLAIN].sum())
        for row, base in enumerate(b"acgtn"):
            if counts[base]:
                self._add_flags(total, row, rows == base, bins)
        for uracil in b"Uu":
            if counts[uracil]:
                total.uracil += self._add_flags(total, 3, rows == uracil, bins)

    def _add_quality(self, total: Measure, bins: Int64Array | None) -> Int64Array:
        rows = self._quality
        flags = self._scratch("flags", self._shape, bool)
        lowest = int(np.subtract(rows, 1, out=flags.view(np.uint8)).min()) + 1  # the zeros after the reads become 255
        highest = int(rows.max())
        if highest > 126 or (self._count and lowest < OFFSET):
            total.legal = False
            return np.zeros(self._reads, np.int64)
        total.lowest, total.highest = min(total.lowest, lowest), max(total.highest, highest)
        total.q20 += int(np.count_nonzero(np.greater_equal(rows, Q20, out=flags)))
        total.q30 += int(np.count_nonzero(np.greater_equal(rows, Q30, out=flags)))
        even, odd = split_lanes(rows, self._scratch)
        if bins is None:
            columns = byte_columns(even, odd)
            total.quality[: len(columns)] += columns
        sums = byte_rows(even, odd)[: self._reads]
        if bins is None:
            total.bins[-1, 0] += int(sums.sum())
        else:
            np.add.at(total.bins[-1], bins, sums)
        return sums
