"""Where the kernel puts what it finds in a block."""

from __future__ import annotations

import numpy as np

from seqdrop.reads import kernel
from seqdrop.reads.fastq_rows import Rows
from seqdrop.reads.measure import FIGURES, SUMS, Measure
from seqdrop.reads.names import LONGEST, Names

SHORTEST = 8  # bytes of a record, nearly; where records are shorter, the rest of them is left to the next call
_ARRAYS = {  # of records_t: type, and numbers a record
    "starts": (np.int64, 4),
    "ends": (np.int64, 4),
    "lengths": (np.int64, 1),
    "name_ends": (np.int64, 1),
    "hashes": (np.uint64, 1),
    "mates": (np.uint8, 1),
}


class Room:
    """For blocks of up to `size` bytes, one after the other: each takes the place of the one before."""

    def __init__(self, size: int):
        self.size, self._most = size, size // SHORTEST + 1
        self._arrays = {name: np.empty((self._most, width), kind) for name, (kind, width) in _ARRAYS.items()}
        self._all = np.zeros(SUMS + len(FIGURES), np.int64)
        self._measure = Measure(self._all[:SUMS])
        pointers = {name: kernel.pointer(array, f"{array.dtype}_t[]") for name, array in self._arrays.items()}
        self._sums, self._records = kernel.pointer(self._all, "int64_t[]"), kernel.ffi.new("records_t *", pointers)

    def examine(self, data: np.ndarray, size: int) -> tuple[Rows, Measure, Names] | None:
        """What `block.examine` answers."""
        records, block = self._records, kernel.pointer(data, "uint8_t[]")
        count = kernel.lib.seqdrop_block(block, size, self._most, LONGEST, records, self._sums)
        if count <= 0:
            return None
        starts, ends, lengths, name_ends, hashes, mates = (array[:count] for array in self._arrays.values())
        rows = Rows(data, starts, ends, lengths[:, 0], records.used, records.crlf == 1)
        self._measure.set_figures(self._all[SUMS:].tolist())
        mates = mates[:, 0]
        return rows, self._measure, Names(hashes[:, 0], mates, mates, name_ends[:, 0], data)
