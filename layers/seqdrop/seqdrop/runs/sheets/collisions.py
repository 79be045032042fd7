"""Barcodes that are too close to each other to distinguish samples.

Two indexes collide if a read could be within the allowed mismatches of both: if their Hamming distance is at most the
sum of the two numbers (Illumina Knowledge 2326, "barcode collision"). With two indexes, a pair collides only if both
do, as in bcl2fastq; in lanes of IndependentIndexCollisionCheck, one is enough (BCL Convert, "Sample Sheet").
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple


class Barcode(NamedTuple):
    """The sample and the indexes of a row, and the mismatches that are allowed in each."""

    sample: str
    i7: str
    i5: str
    mismatches: int
    mismatches2: int


@lru_cache(maxsize=16)  # the lanes of a flow cell often have the same indexes
def find_collisions(barcodes: tuple[Barcode, ...], independent: bool = False) -> list[tuple[int, int]]:
    """Return (later, earlier) positions of barcodes of different samples that collide: for each later one, its first.

    Indexes of different length are compared up to the shorter one, and one that is missing is like any other. If
    `independent`, one index that is too close is enough.
    """
    coded = [(_encode(barcode.i7), _encode(barcode.i5)) for barcode in barcodes]
    pairs = []
    for late, barcode in enumerate(barcodes):
        for early in range(late):
            is_other = barcodes[early].sample != barcode.sample
            if is_other and _collide(coded[early], coded[late], _limits(barcodes[early], barcode), independent):
                pairs.append((late, early))
                break
    return pairs


def _encode(index: str) -> tuple[int, int]:
    """Return (code, length); the code has five bits for each base, of which one is set."""
    code = 0
    for base in index:
        code = code << 5 | 1 << "ACGTN".index(base)
    return code, len(index)


def _distance(first: tuple[int, int], second: tuple[int, int]) -> int:
    """Return the Hamming distance of two encoded indexes, up to the end of the shorter one."""
    (code, length), (other, other_length) = first, second
    if length > other_length:
        code >>= 5 * (length - other_length)
    elif length < other_length:
        other >>= 5 * (other_length - length)
    return (code ^ other).bit_count() // 2


def _limits(first: Barcode, second: Barcode) -> tuple[int, int]:
    """Return the largest distances at which a read could be of both barcodes."""
    return first.mismatches + second.mismatches, first.mismatches2 + second.mismatches2


Codes = tuple[tuple[int, int], tuple[int, int]]


def _collide(first: Codes, second: Codes, limits: tuple[int, int], independent: bool) -> bool:
    near = _distance(first[0], second[0]) <= limits[0]
    near2 = _distance(first[1], second[1]) <= limits[1]
    if independent:
        is_single = not (first[1][1] and second[1][1])
        return near or (near2 and not is_single)
    return near and near2
