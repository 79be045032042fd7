"""Examine a block of FASTQ as a whole: with the C kernel if it is built, otherwise with numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from seqdrop.reads import kernel
from seqdrop.reads.fastq_rows import HEADER, Rows, locate_lines
from seqdrop.reads.matrix import Scratch
from seqdrop.reads.measure import Measure, measure
from seqdrop.reads.names import Names, hash_names

if TYPE_CHECKING:
    from seqdrop.reads.arrays import UInt8Array
    from seqdrop.reads.kernel.buffers import Buffers


class Examined(NamedTuple):
    """The records of a block: the positions of their lines, their counts and their names."""

    rows: Rows
    counts: Measure
    names: Names


class Examiner:
    """An examiner of blocks. Its memory is reused, so a result is valid only until the next call."""

    def __init__(self) -> None:
        self._scratch = Scratch()
        self._buffers: Buffers | None = None

    def examine(self, data: UInt8Array, size: int) -> Examined | None:
        """Examine the complete records in `data[:size]`, or as many of them as the memory allows.

        Return None if there is no complete record, or if any has an unusual layout, a byte that is not allowed, or a
        name of more than 255 bytes. `data` must extend PAD bytes beyond `size`.
        """
        return self._by_kernel(data, size) if kernel.lib else self._by_numpy(data, size)

    def _by_kernel(self, data: UInt8Array, size: int) -> Examined | None:
        from seqdrop.reads.kernel.buffers import Buffers

        if self._buffers is None or self._buffers.size < size:
            self._buffers = Buffers(size)
        result = self._buffers.examine(data, size)
        return Examined(*result) if result else None

    def _by_numpy(self, data: UInt8Array, size: int) -> Examined | None:
        rows = locate_lines(data, size)
        if rows is None or not len(rows.starts):
            return None
        counts = measure(rows, self._scratch)
        if not counts.legal:
            return None
        names = hash_names(data, rows.starts[:, HEADER] + 1, self._scratch)
        return Examined(rows, counts, names) if names else None
