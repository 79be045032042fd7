"""Duplicate names in one pass: every hash is kept, and what might be a duplicate is remembered with its place.

A table of bits (a blocked Bloom filter) tells which names surely are new. The few others, under 0.2 % by chance,
are remembered with their places; comparing all hashes with theirs at the end tells which were duplicates indeed.
Memory: 8 bytes a read for the hashes, 4 to 8 for the table, and under 1 for the places.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from seqdrop.reads import kernel

SPARSE = 32  # bits per hash that the table has at the least
SMALLEST = 1 << 20  # bits of the first table
REMEMBERED = 1 << 18  # places at the most; the duplicates beyond are still counted
PART = 1 << 15
SLOTTED = 1 << 12  # a block of more names is sorted instead
_ONE, _6, _12, _58, _63 = (np.uint64(number) for number in (1, 6, 12, 58, 63))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name stands: record and line from 1, byte from 0."""

    name: str
    record: int
    line: int
    byte: int


class Bits:
    """A set of hashes that may hold too many, never too few.

    Each sets three bits of one of `size` words (a power of two).
    """

    def __init__(self, size: int):
        self.size = size
        self.words = np.zeros(size, np.uint64)

    def holds(self, hashes: np.ndarray) -> np.ndarray:
        """Which of them may be in the set; those that are, are."""
        if kernel.lib:
            return kernel.bits(self.words, hashes, add=False)
        bits = self._bits(hashes)
        return self.words[self._word(hashes)] & bits == bits

    def add(self, hashes: np.ndarray) -> None:
        """Put them into the set."""
        if kernel.lib:
            kernel.bits(self.words, hashes, add=True)
        else:
            np.bitwise_or.at(self.words, self._word(hashes), self._bits(hashes))

    def _bits(self, hashes: np.ndarray) -> np.ndarray:
        return (_ONE << (hashes & _63)) | (_ONE << ((hashes >> _6) & _63)) | (_ONE << (hashes >> _58))

    def _word(self, hashes: np.ndarray) -> np.ndarray:
        return ((hashes >> _12) & np.uint64(self.size - 1)).view(np.int64)


class Hashes:
    """All hashes in the order of the file, in pieces that are never moved."""

    def __init__(self):
        self._full: list[np.ndarray] = []
        self._last, self._used = np.empty(PART, np.uint64), 0

    @property
    def size(self) -> int:
        return PART * len(self._full) + self._used

    def add(self, more: np.ndarray) -> None:
        while len(more):
            some = more[: PART - self._used]
            self._last[self._used : self._used + len(some)] = some
            self._used += len(some)
            more = more[len(some) :]
            if self._used == PART:
                self._full.append(self._last)
                self._last, self._used = np.empty(PART, np.uint64), 0

    def parts(self) -> list[np.ndarray]:
        """Piece by piece, so that what is made of them stays small."""
        return [*self._full, self._last[: self._used]]

    @property
    def all(self) -> np.ndarray:
        return np.concatenate(self.parts())


class Duplicates:
    """`add` each block's hashes; then `find` answers how many names came again, and where the first of them stand."""

    def __init__(self):
        self.hashes = Hashes()
        self._seen = Bits(SMALLEST >> 6)
        self._slots = np.zeros(1 << 16, np.int32)
        self._doubtful = Hashes()
        self._places: list[tuple[int, Place]] = []  # with the hash

    def add(self, hashes: np.ndarray, place) -> None:
        """`place(index)` makes the Place of one of these hashes; it is called for the doubtful ones only."""
        self._make_room(len(hashes))
        if kernel.lib:
            again = kernel.bits(self._seen.words, hashes, add=True)
        else:
            again = self._seen.holds(hashes) | self._twice(hashes)
            self._seen.add(hashes)
        self.hashes.add(hashes)
        indexes = np.flatnonzero(again)
        if len(indexes):
            self._doubtful.add(hashes[indexes])
            room = max(0, REMEMBERED - len(self._places))
            self._places += [(int(hashes[i]), place(i)) for i in indexes[:room].tolist()]

    def find(self, first: int) -> tuple[int, list[Place]]:
        """(names that came again, places of the first ones). All but the first of its kind is doubtful for sure."""
        if not self._doubtful.size:
            return 0, []
        doubtful = Bits(_power_of_two(self._doubtful.size))
        doubtful.add(self._doubtful.all)
        alike = np.sort(np.concatenate([part[doubtful.holds(part)] for part in self.hashes.parts()]))
        repeats = alike[1:][alike[1:] == alike[:-1]]
        return len(repeats), self._first_places(repeats, first)

    def _first_places(self, repeats: np.ndarray, first: int) -> list[Place]:
        """A doubtful name may be the first of its kind, doubtful by chance; then one more is held than came again."""
        repeated = set(repeats.tolist())
        held = Counter(value for value, _ in self._places if value in repeated)
        found = []
        for value, place in self._places:
            if value not in held or len(found) == first:
                continue
            times = np.searchsorted(repeats, np.uint64(value), "right") - np.searchsorted(repeats, np.uint64(value))
            if held[value] > times:
                held[value] = 0
            else:
                found.append(place)
        return found

    def _twice(self, hashes: np.ndarray) -> np.ndarray:
        """Which hashes stand twice in this block. Only those that share a slot of a small table are compared."""
        some = slice(None)
        if len(hashes) <= SLOTTED:
            slots, own = hashes.astype(np.uint16), np.arange(len(hashes), dtype=np.int32)
            self._slots[slots] = own
            lost = slots[self._slots[slots] != own]  # another hash took the slot after them
            self._slots[lost] = -1
            some = np.flatnonzero(self._slots[slots] < 0)
        alike = np.sort(hashes[some])
        alike = alike[1:][alike[1:] == alike[:-1]]
        return np.isin(hashes, alike) if len(alike) else np.zeros(len(hashes), bool)

    def _make_room(self, more: int) -> None:
        wanted = SPARSE * (self.hashes.size + more)
        if wanted > 64 * self._seen.size:
            self._seen = Bits(_power_of_two(wanted // 32))
            for part in self.hashes.parts():
                self._seen.add(part)


def _power_of_two(least: int) -> int:
    return 1 << max(4, (least - 1).bit_length())
