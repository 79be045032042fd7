"""Names of reads as 64-bit hashes, a block at a time.

A name is the header after @ up to the first white space. Its base is the name without a /1 or /2 at its end: what
mates share. The hash is ours: words of eight bytes, each multiplied by a constant of its place, mixed and added.
Two different names of 100 million collide with a probability of about 1 in 3,700.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from seqdrop.reads.matrix import blank_after, gather

WIDTHS = (64, 256)
SLASH, ONE, TWO, SPACE, COLON = 47, 49, 50, 32, 58
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_32, _29 = np.uint64(32), np.uint64(29)
# A mate's number changes the hash of its base name, so that a/1 and a/2 are no duplicates.
MATES = np.array([0, 0x8CB92BA72F3D8DD7, 0x52DCE729DA3ED4A5], np.uint64)


@dataclass(frozen=True, slots=True)
class Names:
    """`bases` hashes base names; `mates` is 1 or 2 where the name or its comment says which mate it is, else 0.

    `ends` are byte indexes of where the names end (their /1 included).
    """

    bases: np.ndarray
    mates: np.ndarray
    ends: np.ndarray

    @property
    def full(self) -> np.ndarray:
        """Hashes that differ between mates."""
        return self.bases ^ MATES[self.mates]


def hash_names(data: np.ndarray, starts: np.ndarray) -> Names | None:
    """Hash the names that start at `starts`; None if one is longer than 255 bytes."""
    for width in WIDTHS:
        rows = gather(data, starts, width)
        spaces = rows <= SPACE
        lengths = spaces.argmax(axis=1)
        if spaces[np.arange(len(rows)), lengths].all():
            return _hashed(data, rows, starts, lengths)
    return None


def _hashed(data: np.ndarray, rows: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> Names:
    ends = starts + lengths
    last = data[ends - 1]
    suffixed = ((last == ONE) | (last == TWO)) & (data[ends - 2] == SLASH) & (lengths > 2)
    mates = np.where(suffixed, last - (ONE - 1), 0)
    if not suffixed.all():
        mates = np.where(suffixed, mates, _casava(data, ends))
    lengths = lengths - 2 * suffixed
    rows = rows[:, : max(8, (int(lengths.max()) + 7) & ~7)]
    blank_after(rows, lengths)
    return Names(_mix(np.ascontiguousarray(rows).view(np.uint64)), mates.astype(np.uint8), ends)


def _casava(data: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The mate as Illumina's CASAVA 1.8 puts it after the name: ` 1:N:0:…`."""
    digit = data[ends + 1]
    says = (data[ends] == SPACE) & (data[ends + 2] == COLON) & ((digit == ONE) | (digit == TWO))
    return np.where(says, digit - (ONE - 1), 0)


def _mix(words: np.ndarray) -> np.ndarray:
    """One hash of each row. A word of zeros adds nothing, so that the width of the matrix does not matter."""
    keys = _A * np.arange(1, 2 * words.shape[1], 2, dtype=np.uint64)
    mixed = words * keys
    mixed ^= mixed >> _32
    mixed *= _B
    mixed ^= mixed >> _29
    total = np.einsum("ij->i", mixed)
    total *= _A
    return total ^ (total >> _32)
