"""Hash the names of reads to 64 bits, a block at a time.

A name is the header after @ up to the first white space. Its base name is the name without a final /1 or /2; mates have
the same base name. The hash function is our own: words of eight bytes are multiplied by a constant for their position,
mixed and added. The probability that any two of 100 million different names have the same hash is about 1 in 3,700.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.matrix import Scratch, clear_after, gather, width_for

if TYPE_CHECKING:
    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt8Array, UInt64Array

WIDTHS = (64, 256)
LONGEST = WIDTHS[-1] - 1
SLASH, ONE, TWO, SPACE, COLON = 47, 49, 50, 32, 58
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_32, _29 = np.uint64(32), np.uint64(29)
# By the number of the mate, the value that changes the hash of a base name, so that a/1 and a/2 are not duplicates.
MATES = np.array([0, 0x8CB92BA72F3D8DD7, 0x52DCE729DA3ED4A5], np.uint64)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of some reads.

    `bases` are hashes of base names. `suffixes` are 1 or 2 if the name ends in /1 or /2, otherwise 0. `mates` equal
    `suffixes`, or are also read from comments (`with_comments`). `ends` are the byte indexes in `data` at which each
    name, including its /1, has ended and the comment follows.
    """

    bases: UInt64Array
    suffixes: UInt8Array
    mates: UInt8Array
    ends: Int64Array
    data: UInt8Array

    @property
    def full(self) -> UInt64Array:
        """The hashes of whole names. Those of a/1 and a/2 differ; comments do not matter."""
        return self.as_mates(self.suffixes) if self.suffixes.any() else self.bases

    def as_mates(self, mates: UInt8Array | Int64Array) -> UInt64Array:
        """Return the hashes that the names would have as these mates (0, 1 or 2)."""
        hashes: UInt64Array = self.bases ^ MATES[mates]
        return hashes

    def copy(self) -> Names:
        """Return a copy that stays valid after the next block is examined. Its `ends` and `data` are empty."""
        return Names(self.bases.copy(), self.suffixes.copy(), self.mates.copy(), self.ends[:0], self.data[:0])

    def followed_by(self, more: Names) -> Names:
        """Return these names and then `more`. `ends` and `data` of the result are empty."""
        return Names(
            np.concatenate((self.bases, more.bases)),
            np.concatenate((self.suffixes, more.suffixes)),
            np.concatenate((self.mates, more.mates)),
            more.ends[:0],
            more.data[:0],
        )

    def with_comments(self) -> Names:
        """Return the names with `mates` that are also read from comments of CASAVA 1.8, ` 1:N:0:…`."""
        digit = self.data[self.ends + 1]
        is_comment = (self.data[self.ends] == SPACE) & (self.data[self.ends + 2] == COLON) & _is_mate(digit)
        mates = np.where((self.mates == 0) & is_comment, digit - (ONE - 1), self.mates)
        return Names(self.bases, self.suffixes, mates.astype(np.uint8), self.ends, self.data)


def hash_names(data: UInt8Array, starts: Int64Array, scratch: Scratch) -> Names | None:
    """Hash the names that start at `starts`, which must not be empty. Return None if one is longer than 255 bytes."""
    for width in WIDTHS:
        rows = gather(data, starts, width)
        lengths = np.less_equal(rows, SPACE, out=scratch("spaces", rows.shape, bool)).argmax(axis=1)
        if lengths.min():  # no name is empty, so 0 means that there is no space
            return _hash(data, rows, starts, lengths, scratch)
    return None


def _hash(data: UInt8Array, rows: UInt8Array, starts: Int64Array, lengths: Int64Array, scratch: Scratch) -> Names:
    ends = starts + lengths
    last = data[ends - 1]
    has_suffix = _is_mate(last) & (data[ends - 2] == SLASH) & (lengths > 2)
    mates = np.where(has_suffix, last - (ONE - 1), 0).astype(np.uint8)
    lengths = lengths - 2 * has_suffix
    width = width_for(int(lengths.max()))
    names: UInt8Array = scratch("names", (len(rows), width))
    names[:] = rows[:, :width]
    clear_after(names, lengths)
    return Names(_mix(names.view(np.uint64), scratch), mates, mates, ends, data)


def _is_mate(digit: UInt8Array) -> BoolArray:
    is_mate: BoolArray = (digit == ONE) | (digit == TWO)
    return is_mate


def _mix(words: UInt64Array, scratch: Scratch) -> UInt64Array:
    """Return a hash of each row of `words`. The width does not matter, because a word of zeros adds nothing."""
    keys = _A * np.arange(1, 2 * words.shape[1], 2, dtype=np.uint64)
    mixed = np.multiply(words, keys, out=words)
    shifted = scratch("shifted", words.shape, np.uint64)
    mixed ^= np.right_shift(mixed, _32, out=shifted)
    mixed *= _B
    mixed ^= np.right_shift(mixed, _29, out=shifted)
    total: UInt64Array = np.einsum("ij->i", mixed)
    total *= _A
    return total ^ (total >> _32)
