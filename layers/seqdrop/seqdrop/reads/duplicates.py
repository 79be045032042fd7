"""Duplicate names in one pass: all hashes are kept, and possible duplicates are remembered with their locations.

A table of bits (a blocked Bloom filter) shows which names are certainly new. The few others, less than 0.2 % by chance,
are remembered with their locations. At the end all hashes are compared with theirs, which shows the real duplicates.
Memory: 8 bytes for each read for the hashes, 4 to 8 for the table, and less than 1 for the locations.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt64Array
    from seqdrop.reads.findings import Location

SPARSE = 32  # the least number of bits that the table has for each hash
SMALLEST = 1 << 20  # bits of the first table
MAX_LOCATIONS = 1 << 18  # further duplicates are still counted
PART = 1 << 15
SLOTTED = 1 << 12  # a block with more names is sorted instead
_ONE, _6, _12, _58, _63 = (np.uint64(number) for number in (1, 6, 12, 58, 63))


@dataclass(frozen=True, slots=True)
class NameLocation:
    """A name and its location: record and line from 1, byte from 0."""

    name: str
    record: int
    line: int
    byte: int

    @property
    def location(self) -> Location:
        """The location of a fault of this record; an empty name becomes None."""
        return {"name": self.name or None, "record": self.record, "line": self.line, "byte": self.byte}


class Bits:
    """A set of hashes that may contain too many, but never too few.

    Each hash sets three bits of one of `size` words (a power of two).
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.words = np.zeros(size, np.uint64)

    def contains(self, hashes: UInt64Array) -> BoolArray:
        """Return True for each hash that may be in the set; True is certain for those that are."""
        if kernel.lib:
            return kernel.bits(self.words, hashes, add=False)
        bits = self._bits(hashes)
        contained: BoolArray = self.words[self._word(hashes)] & bits == bits
        return contained

    def add(self, hashes: UInt64Array) -> None:
        """Add hashes to the set."""
        if kernel.lib:
            kernel.bits(self.words, hashes, add=True)
        else:
            np.bitwise_or.at(self.words, self._word(hashes), self._bits(hashes))

    def _bits(self, hashes: UInt64Array) -> UInt64Array:
        bits: UInt64Array = (_ONE << (hashes & _63)) | (_ONE << ((hashes >> _6) & _63)) | (_ONE << (hashes >> _58))
        return bits

    def _word(self, hashes: UInt64Array) -> Int64Array:
        return ((hashes >> _12) & np.uint64(self.size - 1)).view(np.int64)


class Hashes:
    """All hashes in the order of the file, in pieces that are never moved."""

    def __init__(self) -> None:
        self._full: list[UInt64Array] = []
        self._last: UInt64Array = np.empty(PART, np.uint64)
        self._used = 0

    @property
    def size(self) -> int:
        """The number of hashes."""
        return PART * len(self._full) + self._used

    def add(self, more: UInt64Array) -> None:
        """Append hashes."""
        while len(more):
            some = more[: PART - self._used]
            self._last[self._used : self._used + len(some)] = some
            self._used += len(some)
            more = more[len(some) :]
            if self._used == PART:
                self._full.append(self._last)
                self._last = np.empty(PART, np.uint64)
                self._used = 0

    def parts(self) -> list[UInt64Array]:
        """Return the hashes in pieces, so that arrays computed from them are small."""
        return [*self._full, self._last[: self._used]]

    @property
    def all(self) -> UInt64Array:
        """All hashes in one array."""
        return np.concatenate(self.parts())


class Duplicates:
    """A search for names that occur again. `add` the hashes of each block, then call `find`."""

    def __init__(self) -> None:
        self.hashes = Hashes()
        self._known = Bits(SMALLEST >> 6)
        self._slots = np.zeros(1 << 16, np.int32)
        self._doubtful = Hashes()
        self._locations: list[tuple[int, NameLocation]] = []  # with the hash

    def add(self, hashes: UInt64Array, locate: Callable[[int], NameLocation]) -> None:
        """Add hashes. `locate(index)` returns the location of one of them; it is called for doubtful ones only."""
        self._grow(len(hashes))
        if kernel.lib:
            is_doubtful = kernel.bits(self._known.words, hashes, add=True)
        else:
            is_doubtful = self._known.contains(hashes) | self._occur_twice(hashes)
            self._known.add(hashes)
        self.hashes.add(hashes)
        indexes = np.flatnonzero(is_doubtful)
        if len(indexes):
            self._doubtful.add(hashes[indexes])
            capacity = max(0, MAX_LOCATIONS - len(self._locations))
            self._locations += [(int(hashes[i]), locate(i)) for i in indexes[:capacity].tolist()]

    def find(self, first: int) -> tuple[int, list[NameLocation]]:
        """Return (number of names that occur again, locations of the `first` ones).

        Every name but the first of its kind is certainly among the doubtful ones.
        """
        if not self._doubtful.size:
            return 0, []
        doubtful = Bits(_power_of_two(self._doubtful.size))
        doubtful.add(self._doubtful.all)
        candidates = np.sort(np.concatenate([part[doubtful.contains(part)] for part in self.hashes.parts()]))
        repeats = candidates[1:][candidates[1:] == candidates[:-1]]
        return len(repeats), self._first_locations(repeats, first)

    def _first_locations(self, repeats: UInt64Array, first: int) -> list[NameLocation]:
        """Return the locations of the `first` names that occur again.

        The first name of its kind may be doubtful by chance. Then there is one location more than there are repeats,
        and its location is left out.
        """
        repeated = set(repeats.tolist())
        remembered = Counter(value for value, _ in self._locations if value in repeated)
        locations: list[NameLocation] = []
        for value, location in self._locations:
            if value not in remembered or len(locations) == first:
                continue
            times = np.searchsorted(repeats, np.uint64(value), "right") - np.searchsorted(repeats, np.uint64(value))
            if remembered[value] > times:
                remembered[value] = 0
            else:
                locations.append(location)
        return locations

    def _occur_twice(self, hashes: UInt64Array) -> BoolArray:
        """Return True for each hash that occurs twice in this block.

        Only hashes that share a slot of a small table are compared.
        """
        candidates = hashes
        if len(hashes) <= SLOTTED:
            slots = hashes.astype(np.uint16)
            own = np.arange(len(hashes), dtype=np.int32)
            self._slots[slots] = own
            shared = slots[self._slots[slots] != own]  # a later hash took the same slot
            self._slots[shared] = -1
            candidates = hashes[self._slots[slots] < 0]
        ordered = np.sort(candidates)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        return np.isin(hashes, twice) if len(twice) else np.zeros(len(hashes), bool)

    def _grow(self, more: int) -> None:
        """Replace the table by a larger one if `more` hashes would make it too dense."""
        bits = SPARSE * (self.hashes.size + more)
        if bits > 64 * self._known.size:
            self._known = Bits(_power_of_two(bits // 32))
            for part in self.hashes.parts():
                self._known.add(part)


def _power_of_two(least: int) -> int:
    """Return the smallest power of two that is at least `least` and 16."""
    return 1 << max(4, (least - 1).bit_length())
