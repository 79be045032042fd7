"""Duplicate names in one pass: every hash is kept, and what might be a duplicate is remembered with its place.

A table of bits (one per hash value, folded to its size) tells which names surely are new. The few others are
remembered; sorting all hashes at the end tells which of them were duplicates indeed. Memory: 8 bytes a read for
the hashes, 4 to 8 for the table, and about 100 for each name that is remembered (2 % of them by chance).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPARSE = 32  # bits per hash that the table has at the least
SMALLEST = 1 << 20  # bits
REMEMBERED = 1 << 18  # places at the most; the duplicates beyond are still counted
_6, _63, _64BITS = np.uint64(6), np.uint64(63), np.uint64(64)
_ONE = np.uint64(1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a name stands: record and line from 1, byte from 0."""

    name: str
    record: int
    line: int
    byte: int


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

    @property
    def all(self) -> np.ndarray:
        return self._held[: self.size]


class Duplicates:
    """`add` each block's hashes; then `find` answers how many names came again, and where the first of them stand."""

    def __init__(self):
        self.hashes = Hashes()
        self._bits = np.zeros(SMALLEST >> 6, np.uint64)
        self._doubtful: list[tuple[int, Place]] = []

    def add(self, hashes: np.ndarray, place) -> None:
        """`place(index)` makes the Place of one of these hashes; it is called for the doubtful ones only."""
        self._make_room(len(hashes))
        again = self._seen(hashes)
        self._set(hashes)
        self.hashes.add(hashes)
        if again.any():
            room = REMEMBERED - len(self._doubtful)
            self._doubtful += [(int(hashes[i]), place(int(i))) for i in np.flatnonzero(again)[: max(0, room)]]

    def find(self, first: int) -> tuple[int, list[Place]]:
        """(names that came again, places of the first ones). Consumes the hashes: they are sorted where they lie."""
        hashes = self.hashes.all
        hashes.sort()
        repeats = hashes[1:][hashes[1:] == hashes[:-1]]
        if not len(repeats):
            return 0, []
        return len(repeats), self._places(set(repeats.tolist()), repeats, first)

    def _places(self, repeated: set[int], repeats: np.ndarray, first: int) -> list[Place]:
        """A doubtful name may be the first of its kind, doubtful by chance: then one more is remembered than came again."""
        doubtful = [(value, place) for value, place in self._doubtful if value in repeated]
        left: dict[int, int] = {}
        for value, _ in doubtful:
            left[value] = left.get(value, 0) + 1
        found = []
        for value, place in doubtful:
            times = int(
                np.searchsorted(repeats, np.uint64(value), "right") - np.searchsorted(repeats, np.uint64(value))
            )
            if left.pop(value, 0) > times:
                continue
            found.append(place)
            if len(found) == first:
                break
        return found

    def _seen(self, hashes: np.ndarray) -> np.ndarray:
        """Which hashes may have come before, in earlier blocks or in this one."""
        again = (self._bits[self._word(hashes)] >> (hashes & _63)) & _ONE != 0
        order = np.sort(hashes)
        twice = order[1:][order[1:] == order[:-1]]
        return again | np.isin(hashes, twice) if len(twice) else again

    def _set(self, hashes: np.ndarray) -> None:
        np.bitwise_or.at(self._bits, self._word(hashes), _ONE << (hashes & _63))

    def _word(self, hashes: np.ndarray) -> np.ndarray:
        return ((hashes >> _6) & np.uint64(len(self._bits) - 1)).astype(np.intp)

    def _make_room(self, more: int) -> None:
        size = len(self._bits)
        while size * 64 < SPARSE * (self.hashes.size + more):
            size *= 2
        if size > len(self._bits):
            self._bits = np.zeros(size, np.uint64)
            for at in range(0, self.hashes.size, 1 << 16):
                self._set(self.hashes.all[at : at + (1 << 16)])
