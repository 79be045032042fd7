"""Duplicate names in one pass: every hash is kept, and what might be a duplicate is remembered with its place.

A table of bits (a blocked Bloom filter) tells which names surely are new. The few others, under 1 % by chance,
are remembered with their places; comparing all hashes with theirs at the end tells which were duplicates indeed.
Memory: 8 bytes a read for the hashes, 4 to 8 for the table, and 1 to 2 for the places.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from seqdrop.reads import kernel

SPARSE = 32  # bits per hash that the table has at the least
SMALLEST = 1 << 20  # bits of the first table
REMEMBERED = 1 << 18  # places at the most; the duplicates beyond are still counted
PART = 1 << 15
SLOTTED = 1 << 12  # a block of more names is sorted instead
_ONE, _6, _12, _63 = np.uint64(1), np.uint64(6), np.uint64(12), np.uint64(63)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name stands: record and line from 1, byte from 0."""

    name: str
    record: int
    line: int
    byte: int


class Bits:
    """A set of hashes that may hold too many, never too few: two bits of one of `size` words (a power of two) each."""

    def __init__(self, size: int):
        self.size = size
        self.words = np.zeros(size, np.uint64)

    def holds(self, hashes: np.ndarray) -> np.ndarray:
        bits = self._bits(hashes)
        return self.words[self._word(hashes)] & bits == bits

    def add(self, hashes: np.ndarray) -> None:
        np.bitwise_or.at(self.words, self._word(hashes), self._bits(hashes))

    def _bits(self, hashes: np.ndarray) -> np.ndarray:
        return (_ONE << (hashes & _63)) | (_ONE << ((hashes >> _6) & _63))

    def _word(self, hashes: np.ndarray) -> np.ndarray:
        return ((hashes >> _12) & np.uint64(self.size - 1)).view(np.int64)


class Hashes:
    """All hashes in the order of the file; grows by doubling."""

    def __init__(self):
        self._held = np.empty(1 << 12, np.uint64)
        self.size = 0

    def add(self, more: np.ndarray) -> None:
        needed = self.size + len(more)
        if needed > len(self._held):
            self._held.resize(max(needed, len(self._held) + len(self._held) // 2), refcheck=False)
        self._held[self.size : needed] = more
        self.size = needed

    def parts(self) -> Iterator[np.ndarray]:
        """Piece by piece, so that what is made of them stays small."""
        return (self.all[at : at + PART] for at in range(0, self.size, PART))

    @property
    def all(self) -> np.ndarray:
        return self._held[: self.size]


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
            again = kernel.add_bits(self._seen.words, hashes)
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
