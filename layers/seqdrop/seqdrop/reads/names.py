"""Names of reads as 64-bit hashes, a block at a time.

A name is the header after @ up to the first white space. Its base is the name without a /1 or /2 at its end: what
mates share. The hash is ours: words of eight bytes, each multiplied by a constant of its place, mixed and added.
Two different names of 100 million collide with a probability of about 1 in 3,700.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqdrop.reads.matrix import Scratch, blank_after, gather, width_for

WIDTHS = (64, 256)
LONGEST = WIDTHS[-1] - 1
SLASH, ONE, TWO, SPACE, COLON = 47, 49, 50, 32, 58
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_32, _29 = np.uint64(32), np.uint64(29)
# A mate's number changes the hash of its base name, so that a/1 and a/2 are no duplicates.
MATES = np.array([0, 0x8CB92BA72F3D8DD7, 0x52DCE729DA3ED4A5], np.uint64)


@dataclass(frozen=True, slots=True)
class Names:
    """`bases` hashes base names; `suffixes` is 1 or 2 where the name ends in /1 or /2, else 0; `mates` is the same
    unless comments were asked.

    `ends` are byte indexes of where the names end (their /1 included); the comments of `data` follow there.
    """

    bases: np.ndarray
    suffixes: np.ndarray
    mates: np.ndarray
    ends: np.ndarray
    data: np.ndarray

    @property
    def full(self) -> np.ndarray:
        """Hashes that differ between a/1 and a/2, and not by what comments say."""
        return self.as_mates(self.suffixes) if self.suffixes.any() else self.bases

    def as_mates(self, mates: np.ndarray) -> np.ndarray:
        """Hashes as if the names were of these mates."""
        return self.bases ^ MATES[mates]

    def kept(self) -> Names:
        """The same, good also when the next block was looked at; their places are left out."""
        return Names(self.bases.copy(), self.suffixes.copy(), self.mates.copy(), self.ends[:0], self.data[:0])

    def followed_by(self, more: Names) -> Names:
        """Both together, their places left out."""
        parts = zip((self.bases, self.suffixes, self.mates), (more.bases, more.suffixes, more.mates), strict=True)
        return Names(*(np.concatenate(pair) for pair in parts), more.ends[:0], more.data[:0])

    def with_comments(self) -> Names:
        """The same, `mates` also told by what CASAVA 1.8 puts after the name: ` 1:N:0:…`."""
        digit = self.data[self.ends + 1]
        says = (self.data[self.ends] == SPACE) & (self.data[self.ends + 2] == COLON) & _is_mate(digit)
        mates = np.where((self.mates == 0) & says, digit - (ONE - 1), self.mates)
        return Names(self.bases, self.suffixes, mates.astype(np.uint8), self.ends, self.data)


def hash_names(data: np.ndarray, starts: np.ndarray, scratch: Scratch) -> Names | None:
    """Hash the names, none empty, that start at `starts`; None if one is longer than 255 bytes."""
    for width in WIDTHS:
        rows = gather(data, starts, width)
        lengths = np.less_equal(rows, SPACE, out=scratch("spaces", rows.shape, bool)).argmax(axis=1)
        if lengths.min():  # no name is empty, so 0 means that there is no space
            return _hashed(data, rows, starts, lengths, scratch)
    return None


def _hashed(data: np.ndarray, rows: np.ndarray, starts: np.ndarray, lengths: np.ndarray, scratch: Scratch) -> Names:
    ends = starts + lengths
    last = data[ends - 1]
    suffixed = _is_mate(last) & (data[ends - 2] == SLASH) & (lengths > 2)
    mates = np.where(suffixed, last - (ONE - 1), 0).astype(np.uint8)
    lengths = lengths - 2 * suffixed
    width = width_for(int(lengths.max()))
    whole, rows = rows, scratch("names", (len(rows), width))
    rows[:] = whole[:, :width]
    blank_after(rows, lengths)
    return Names(_mix(rows.view(np.uint64), scratch), mates, mates, ends, data)


def _is_mate(digit: np.ndarray) -> np.ndarray:
    return (digit == ONE) | (digit == TWO)


def _mix(words: np.ndarray, scratch: Scratch) -> np.ndarray:
    """One hash of each row. A word of zeros adds nothing, so that the width of the matrix does not matter."""
    keys = _A * np.arange(1, 2 * words.shape[1], 2, dtype=np.uint64)
    mixed = np.multiply(words, keys, out=words)
    shifted = scratch("shifted", words.shape, np.uint64)
    mixed ^= np.right_shift(mixed, _32, out=shifted)
    mixed *= _B
    mixed ^= np.right_shift(mixed, _29, out=shifted)
    total = np.einsum("ij->i", mixed)
    total *= _A
    return total ^ (total >> _32)
