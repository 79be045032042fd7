"""A small sample of the read names of a file, which shows whether two files have reads in common, in any order.

The sample has the smallest hashes of all names. If a tenth of the names of the larger file is in the smaller one, the
samples share about six hashes, and none with a probability of 0.1 %. Files without a common name share none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from seqdrop.reads.arrays import UInt64Array

SIZE = 64


class NameSample:
    """A builder that makes the sample from the hashes of consecutive blocks."""

    def __init__(self) -> None:
        self._smallest: UInt64Array = np.empty(0, np.uint64)  # sorted

    def add(self, bases: UInt64Array) -> None:
        """Add the hashes of the base names of the next reads of the file."""
        if len(self._smallest) == SIZE:
            bases = bases[bases < self._smallest[-1]]
        if len(bases):
            self._smallest = np.unique(np.concatenate((self._smallest, bases)))[:SIZE]

    @property
    def hashes(self) -> frozenset[int]:
        """The sample of all reads added so far."""
        return frozenset(self._smallest.tolist())


def to_text(sample: frozenset[int]) -> str:
    """Return the sample as text of at most 1,087 bytes, for the metadata of an object in S3 (at most 2 KB)."""
    return ",".join(f"{number:x}" for number in sorted(sample))


def from_text(text: str) -> frozenset[int] | None:
    """Return the sample from the result of `to_text`; None if there is none, as in objects of earlier versions."""
    return frozenset(int(number, 16) for number in text.split(",")) if text else None
