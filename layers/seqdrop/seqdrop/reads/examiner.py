"""A block of FASTQ, examined all at once: by the C kernel where there is one, else by numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.reads import kernel
from seqdrop.reads.fastq_rows import HEADER, Rows, four_lines
from seqdrop.reads.matrix import Scratch
from seqdrop.reads.measure import Measure, measure
from seqdrop.reads.names import Names, hash_names

if TYPE_CHECKING:
    import numpy as np


class Examiner:
    """Holds the memory that is used again for every block: what it answers is good until it is asked again."""

    def __init__(self):
        self._scratch = Scratch()
        self._room = None

    def examine(self, data: np.ndarray, size: int) -> tuple[Rows, Measure, Names] | None:
        """The whole records in `data[:size]`, or the first of them: where they lie, their counts and their names.

        None if there is none, or anything about them is unusual: their layout, a byte where it may not stand, a very
        long name. `data` must reach PAD bytes beyond `size`.
        """
        return self._by_kernel(data, size) if kernel.lib else self._by_numpy(data, size)

    def _by_kernel(self, data: np.ndarray, size: int) -> tuple[Rows, Measure, Names] | None:
        from seqdrop.reads.kernel.buffers import Room

        if self._room is None or self._room.size < size:
            self._room = Room(size)
        return self._room.examine(data, size)

    def _by_numpy(self, data: np.ndarray, size: int) -> tuple[Rows, Measure, Names] | None:
        rows = four_lines(data, size)
        if rows is None or not len(rows.starts):
            return None
        counted = measure(rows, self._scratch)
        names = hash_names(data, rows.starts[:, HEADER] + 1, self._scratch) if counted.legal else None
        return (rows, counted, names) if names else None
