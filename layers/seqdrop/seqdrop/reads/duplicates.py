"""Find duplicate names in one pass: keep the hashes of all names, and the locations of possible duplicates.

A table of bits (a blocked Bloom filter) shows which names are certainly new. All other names are doubtful, less than
0.2 % of them by chance, and their locations are kept. At the end, all hashes are compared with the doubtful ones, which
shows the real duplicates. Memory for each read: 8 bytes for the hash, 4 to 8 for the table, less than 1 for locations.
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

SPARSE = 32  # least number of bits in the table for each hash
SMALLEST = 1 << 20  # bits of the first table
MAX_LOCATIONS = 1 << 18  # further duplicates are counted without a location
PART = 1 << 15  # hashes of one array of Hashes
SLOTTED = 1 << 12  # most names of a block that are compared by slots; larger blocks are sorted
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
        """The location as arguments of `findings.fault`; an empty name becomes None."""
        return {"name": self.name or None, "record": self.record, "line": self.line, "byte": self.byte}


class Bits:
    """An approximate set of hashes (a blocked Bloom filter). It contains all hashes that were added, and a few others.

    Each hash sets three bits in one of `size` words; `size` is a power of two.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.words = np.zeros(size, np.uint64)

    def contains(self, hashes: UInt64Array) -> BoolArray:
        """Return an array that is False for hashes that were certainly not added."""
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
    """All hashes in the order of the file, in arrays of fixed size, so that none is copied when hashes are added."""

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
        """Return the hashes as a list of arrays, so that arrays computed from each are small."""
        return [*self._full, self._last[: self._used]]

    @property
    def all(self) -> UInt64Array:
        """All hashes in one array."""
        return np.concatenate(self.parts())


class Duplicates:
    """A search for names that occurred before in the file. `add` the hashes of each block, then call `find`."""

    def __init__(self) -> None:
        self.hashes = Hashes()
        self._known = Bits(SMALLEST >> 6)
        self._slots = np.zeros(1 << 16, np.int32)
        self._doubtful = Hashes()
        self._locations: list[tuple[int, NameLocation]] = []  # (hash, location)

    def add(self, hashes: UInt64Array, locate: Callable[[int], NameLocation]) -> None:
        """Add hashes. `locate(index)` returns the location of one of them; it is called only for doubtful ones."""
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
        """Return (number of names that occurred before, locations of at most `first` of them).

        All occurrences of a name except the first are certainly among the doubtful ones.
        """
        if not self._doubtful.size:
            return 0, []
        doubtful = Bits(_power_of_two(self._doubtful.size))
        doubtful.add(self._doubtful.all)
        candidates = np.sort(np.concatenate([part[doubtful.contains(part)] for part in self.hashes.parts()]))
        repeats = candidates[1:][candidates[1:] == candidates[:-1]]
        return len(repeats), self._first_locations(repeats, first)

    def contain(self, hashes: UInt64Array) -> BoolArray:
        """Return True for each hash that was added."""
        sought = Bits(_power_of_two(len(hashes)))
        sought.add(hashes)
        candidates = [part[sought.contains(part)] for part in self.hashes.parts()]
        return np.isin(hashes, np.concatenate(candidates))

    def _first_locations(self, repeats: UInt64Array, first: int) -> list[NameLocation]:
        """Return the locations of at most `first` names that occurred before.

        The first occurrence of a name may be doubtful by chance. Then the name has one location more than repeats, and
        the location of the first occurrence is omitted.
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
        """Return True for each hash that occurs more than once in this block.

        To be fast, only hashes that share a slot of a small table are compared.
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
    """Return the smallest power of two that is at least `least`, but not less than 16."""
    return 1 << max(4, (least - 1).bit_length())
