"""Barcodes that are too close to each other to distinguish samples.

Two indexes collide if a read could be within the allowed mismatches of both: if their Hamming distance is at most the
sum of the two numbers (Illumina Knowledge 2326, "barcode collision"). With two indexes, a pair collides only if both
do, as in bcl2fastq; in lanes of IndependentIndexCollisionCheck, one is enough (BCL Convert, "Sample Sheet").
"""

from __future__ import annotations

from typing import NamedTuple

BITS = 5  # for each base; a single one is set, so two different bases differ in two bits
BASES = "ACGTN"


class Barcode(NamedTuple):
    """The sample and the indexes of a row, and the mismatches that are allowed in each."""

    sample: str
    i7: str
    i5: str
    mismatches: int
    mismatches2: int


class _Code(NamedTuple):
    """An index as bits, its first base lowest; `mask` has the bits of all its bases."""

    bits: int
    mask: int


def find_collisions(barcodes: tuple[Barcode, ...], independent: bool = False) -> list[tuple[int, int]]:
    """Return (later, earlier) positions of barcodes of different samples that collide: for each later one, its first.

    Indexes of different length are compared up to the shorter one, and one that is missing is like any other. If
    `independent`, one index that is too close is enough, unless it is missing.
    """
    coded = [(_encode(barcode.i7), _encode(barcode.i5)) for barcode in barcodes]
    pairs = []
    for late, (i7, i5) in enumerate(coded):
        for early, (other7, other5) in enumerate(coded[:late]):
            near7 = _is_near(i7, other7, barcodes[late].mismatches + barcodes[early].mismatches)
            if not near7 and not independent:
                continue
            near5 = _is_near(i5, other5, barcodes[late].mismatches2 + barcodes[early].mismatches2)
            is_one_close = (near7 and _both(i7, other7)) or (near5 and _both(i5, other5))
            is_close = is_one_close if independent else near5
            if is_close and barcodes[early].sample != barcodes[late].sample:
                pairs.append((late, early))
                break
    return pairs


def _encode(index: str) -> _Code:
    bits = sum(1 << (BITS * place + BASES.index(base)) for place, base in enumerate(index))
    return _Code(bits, (1 << BITS * len(index)) - 1)


def _is_near(first: _Code, second: _Code, limit: int) -> bool:
    return ((first.bits ^ second.bits) & first.mask & second.mask).bit_count() <= 2 * limit


def _both(first: _Code, second: _Code) -> bool:
    return bool(first.mask and second.mask)
