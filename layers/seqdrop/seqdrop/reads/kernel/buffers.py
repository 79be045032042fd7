"""The memory to which the kernel writes its results for a block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads import kernel
from seqdrop.reads.fastq_rows import HEADER, Rows
from seqdrop.reads.measure import ERRORS, FIGURES, SUMS, Measure
from seqdrop.reads.names import LONGEST, Names

if TYPE_CHECKING:
    from seqdrop.reads.arrays import UInt8Array

SHORTEST = 8  # bytes of a very short record; if records are shorter still, the next call examines the rest of the block


class Buffers:
    """Memory for the results of blocks of up to `size` bytes. It is reused for each block."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._capacity = size // SHORTEST + 1  # records
        # The members of records_t, each with a row for each record.
        self._starts = np.empty((self._capacity, 4), np.int64)
        self._ends = np.empty((self._capacity, 4), np.int64)
        self._lengths = np.empty(self._capacity, np.int64)
        self._name_ends = np.empty(self._capacity, np.int64)
        self._hashes = np.empty(self._capacity, np.uint64)
        self._codes = np.empty(self._capacity, np.uint8)
        self._all = np.zeros(SUMS + len(FIGURES), np.int64)
        self._measure = Measure(self._all[:SUMS])
        self._sums = kernel.pointer(self._all, "int64_t[]")
        self._pointers = {
            "starts": kernel.pointer(self._starts, "int64_t[]"),
            "ends": kernel.pointer(self._ends, "int64_t[]"),
            "lengths": kernel.pointer(self._lengths, "int64_t[]"),
            "name_ends": kernel.pointer(self._name_ends, "int64_t[]"),
            "hashes": kernel.pointer(self._hashes, "uint64_t[]"),
            "codes": kernel.pointer(self._codes, "uint8_t[]"),
        }
        self._records = kernel.ffi.new("records_t *", self._pointers)

    def examine(self, data: UInt8Array, size: int) -> tuple[Rows, Measure, Names] | None:
        """Return the fields of the result of `Examiner.examine`, or None."""
        records = self._records
        block = kernel.pointer(data, "uint8_t[]")
        errors = kernel.pointer(ERRORS, "int64_t[]")
        count = kernel.lib.seqdrop_block(block, size, self._capacity, LONGEST, records, errors, self._sums)
        if count <= 0:
            return None
        crlf = records.crlf == 1
        rows = Rows(data, self._starts[:count], self._ends[:count], self._lengths[:count], records.used, crlf)
        self._measure.set_figures(self._all[SUMS:].tolist())
        starts = self._starts[:count, HEADER] + 1
        names = Names(self._hashes[:count], self._codes[:count], starts, self._name_ends[:count], data)
        return rows, self._measure, names
