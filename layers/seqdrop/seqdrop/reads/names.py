"""Hash the names of reads to 64 bits, a block at a time, and read which mate each name says it is.

A name is the header after @ up to the first white space. Its base name is the name without a final /1, /2 or /3; mates
have the same base name. A read is identified by its base name and its mate, which the name says (`a/1`), or the CASAVA
word after it (`a 1:N:0:ACGT`). For BAM, `bam.py` writes the mate of the flags as such a word.

The hash function is our own: words of eight bytes are multiplied by a constant for their position, mixed and added. The
probability that any two of 100 million different names have the same hash is about 1 in 3,700.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.matrix import Scratch, clear_after, gather, width_for

if TYPE_CHECKING:
    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt8Array, UInt64Array

_NUMBERED = re.compile(rb"\.\d+\.[123]$")
WIDTHS = (64, 256)
LONGEST = WIDTHS[-1] - 1
TAB, SPACE, DOT, SLASH, ZERO, COLON, NO, YES = b"\t ./0:NY"
LAST_SUFFIX, LAST_WORD = 3, 4  # the highest mate in a suffix, and in a CASAVA word
# The mate of a read of BAM that is the whole of its template. Names say this with the word 0:N:0:, which no other file
# has. Such a read has no mate, while a name that says nothing (0) may have one with the same name.
SINGLE = 5
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_32, _29 = np.uint64(32), np.uint64(29)
# For each mate, the value that changes the hash of a base name, so that a/1 and a/2 are different reads.
MATES = np.array(
    [0, 0x8CB92BA72F3D8DD7, 0x52DCE729DA3ED4A5, 0xB5297A4D68E31DA3, 0x1B56C4E969E5E1C7, 0], np.uint64
)  # fmt: skip
CODES = 24  # values of Names.codes


def _mates_of_codes() -> UInt8Array:
    """Return the mate of each code: that of the suffix or, without one, that of the word."""
    codes = np.arange(CODES, dtype=np.uint8)
    mates: UInt8Array = np.where(codes & 3, codes & 3, codes >> 2).astype(np.uint8)
    return mates


def _keys_of_codes() -> UInt64Array:
    """Return the value that changes the hash of a base name for each code.

    `a/1` and `a 1:N:0:` are the same read. If suffix and word say different mates, the read is neither of them.
    """
    codes = np.arange(CODES)
    suffixes, words = codes & 3, codes >> 2
    differ = (suffixes != 0) & (words != 0) & (words != SINGLE) & (suffixes != words)
    keys: UInt64Array = MATES[_mates_of_codes()] ^ np.where(differ, MATES[words] * _A, np.uint64(0))
    return keys


MATES_OF_CODES, KEYS_OF_CODES = _mates_of_codes(), _keys_of_codes()


@dataclass(frozen=True, slots=True)
class DotNames:
    """The names as they are if a final .1, .2 or .3 is the number of the mate.

    `digits` are 1 to 3, or 0 if the name does not end so. `bases` are hashes of the names without it. Only other names
    show whether it is the number of a mate (`SRR9.7.1`) or a serial number (`SRR9.1`). `has_serial` is True if the
    first name has another number before the dot, which is then the serial number.
    """

    bases: UInt64Array
    digits: UInt8Array
    has_serial: bool

    def followed_by(self, more: DotNames) -> DotNames:
        """Return these names and then `more`."""
        bases, digits = np.concatenate((self.bases, more.bases)), np.concatenate((self.digits, more.digits))
        return DotNames(bases, digits, self.has_serial)


@dataclass(frozen=True, slots=True)
class Names:
    """The names of some reads.

    `bases` are hashes of base names. `codes` are the mates that the names say: bits 0 and 1 are the suffix (/1 to /3),
    the bits above it the CASAVA word (1 to 4, or SINGLE); 0 is none. `starts` and `ends` are the byte indexes in `data`
    of the names, including their /1. `dots` is set if `data` is not available.
    """

    bases: UInt64Array
    codes: UInt8Array
    starts: Int64Array
    ends: Int64Array
    data: UInt8Array
    dots: DotNames | None = None

    @property
    def mates(self) -> UInt8Array:
        """The mates: 1 to 4, SINGLE, or 0 if the name does not say one."""
        return MATES_OF_CODES[self.codes] if self.codes.any() else self.codes

    @property
    def full(self) -> UInt64Array:
        """The hashes of base name and mate, which identify a read."""
        return self.bases ^ KEYS_OF_CODES[self.codes] if self.codes.any() else self.bases

    def as_mates(self, mates: UInt8Array | Int64Array) -> UInt64Array:
        """Return the hashes that the names would have as these mates."""
        hashes: UInt64Array = self.bases ^ MATES[mates]
        return hashes

    def split_dots(self) -> DotNames:
        """Return the names without a final .1, .2 or .3."""
        if self.dots is not None:
            return self.dots
        last = self.data[self.ends - 1]
        has_dot = (self.data[self.ends - 2] == DOT) & _is_digit(last, LAST_SUFFIX) & (self.ends - self.starts > 2)
        bases = self.bases.copy()
        if has_dot.any():
            starts = self.starts[has_dot]
            bases[has_dot] = _hash(self.data, starts, self.ends[has_dot] - 2 - starts, Scratch())
        digits = np.where(has_dot, last - ZERO, 0).astype(np.uint8)
        first = self.data[self.starts[0] : self.ends[0]].tobytes()
        return DotNames(bases, digits, bool(_NUMBERED.search(first)))

    def copy(self) -> Names:
        """Return a copy that stays valid after the next block is examined, without `starts`, `ends` and `data`."""
        nothing = self.ends[:0]
        return Names(self.bases.copy(), self.codes.copy(), nothing, nothing, self.data[:0], self.split_dots())

    def followed_by(self, more: Names) -> Names:
        """Return these names and then `more`, without `starts`, `ends` and `data`."""
        nothing = more.ends[:0]
        dots = self.split_dots().followed_by(more.split_dots())
        bases = np.concatenate((self.bases, more.bases))
        codes = np.concatenate((self.codes, more.codes))
        return Names(bases, codes, nothing, nothing, more.data[:0], dots)


def hash_names(data: UInt8Array, starts: Int64Array, scratch: Scratch) -> Names | None:
    """Hash the names that start at `starts`, which must not be empty. Return None if one is longer than 255 bytes.

    A word that says the mate may follow the names in `data`.
    """
    for width in WIDTHS:
        rows = gather(data, starts, width)
        lengths = np.less_equal(rows, SPACE, out=scratch("spaces", rows.shape, bool)).argmax(axis=1)
        if lengths.min():  # no name is empty, so 0 means that there is no space
            return _identify(data, starts, lengths, scratch)
    return None


def _identify(data: UInt8Array, starts: Int64Array, lengths: Int64Array, scratch: Scratch) -> Names:
    ends = starts + lengths
    last = data[ends - 1]
    has_suffix = _is_digit(last, LAST_SUFFIX) & (data[ends - 2] == SLASH) & (lengths > 2)
    suffixes = np.where(has_suffix, last - ZERO, 0)
    bases = _hash(data, starts, lengths - 2 * has_suffix, scratch)
    return Names(bases, (suffixes | _read_words(data, ends) << 2).astype(np.uint8), starts, ends, data)


def _read_words(data: UInt8Array, ends: Int64Array) -> UInt8Array:
    """Return the mates that CASAVA words say, ` 1:N:0:…` or ` 1:Y:0:…`: 1 to 4, SINGLE for 0, or 0 without a word."""
    space, digit, colon, filtered = (data[ends + offset] for offset in range(4))
    is_word = ((space == SPACE) | (space == TAB)) & (colon == COLON) & ((filtered == NO) | (filtered == YES))
    is_word &= (digit == ZERO) | _is_digit(digit, LAST_WORD)
    mates = np.where(digit == ZERO, SINGLE, digit - ZERO)
    return np.where(is_word, mates, 0).astype(np.uint8)


def _is_digit(character: UInt8Array, highest: int) -> BoolArray:
    is_digit: BoolArray = (character > ZERO) & (character <= ZERO + highest)
    return is_digit


def _hash(data: UInt8Array, starts: Int64Array, lengths: Int64Array, scratch: Scratch) -> UInt64Array:
    """Return the hashes of `lengths[i]` bytes from each start."""
    width = width_for(int(lengths.max()))
    names: UInt8Array = scratch("names", (len(starts), width))
    names[:] = gather(data, starts, width)
    clear_after(names, lengths)
    return _mix(names.view(np.uint64), scratch)


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
