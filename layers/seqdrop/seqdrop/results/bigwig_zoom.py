"""The summaries of a bigWig file that browsers show when they are zoomed out.

A level divides each sequence into windows of one size, and has a record for each window that has values: the range from
its first to its last base with a value, the number of such bases, and the minimum, maximum, sum and sum of squares of
their values. Windows are RATIO times as wide in the next level, and the records of a level are joined to make
those of the next, so the data are read once. Format: Kent et al., Bioinformatics 26:2204 (2010), supplementary table
19.

Records go to a temporary file, so memory does not grow with the number of values.
"""

from __future__ import annotations

import struct
import zlib
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from seqdrop.results.bigwig_index import Block

if TYPE_CHECKING:
    from types import TracebackType
    from typing import BinaryIO, Self

FIRST_SIZE, RATIO, LEVELS = 640, 4, 10
PER_BLOCK = 512
_RECORD = struct.Struct("<IIIIffff")  # sequence, start, end, bases with a value, minimum, maximum, sum, sum of squares
RECORD_SIZE = _RECORD.size


class Level:
    """One level of summaries. Add intervals by ascending position; call `close` after the last one."""

    def __init__(self, size: int, coarser: Level | None) -> None:
        self.size, self._coarser = size, coarser
        self.count = 0
        """The number of its records."""
        self.blocks: list[Block] = []
        """Its blocks, with offsets in the temporary file."""
        self.file: BinaryIO = TemporaryFile()  # noqa: SIM115  # `Levels` closes it
        self._pending = bytearray()
        self._range: list[int] = []  # sequence, start, sequence, end of the pending records
        self._window: tuple[int, int] | None = None  # sequence, number of the window
        self._clear(0)

    def _clear(self, start: int) -> None:
        self._start, self._end, self._bases = start, start, 0
        self._least, self._most, self._sum, self._squares = float("inf"), float("-inf"), 0.0, 0.0

    def add(self, sequence: int, start: int, end: int, value: float) -> None:
        """Add an interval of one value; it may reach over several windows."""
        while start < end:
            stop = min(end, (start // self.size + 1) * self.size)
            bases = stop - start
            self.join(sequence, start, stop, (bases, value, value, bases * value, bases * value * value))
            start = stop

    def join(self, sequence: int, start: int, end: int, figures: tuple[int, float, float, float, float]) -> None:
        """Join the figures of a range that lies in one window to the record of that window."""
        window = sequence, start // self.size
        if window != self._window:
            self._write()
            self._window = window
            self._clear(start)
        bases, least, most, total, squares = figures
        self._end = end
        self._bases += bases
        self._least, self._most = min(self._least, least), max(self._most, most)
        self._sum += total
        self._squares += squares

    def _write(self) -> None:
        """Write the record of the current window, and join it to the record of the next level."""
        if self._window is None:
            return
        sequence = self._window[0]
        figures = self._bases, self._least, self._most, self._sum, self._squares
        self._pending += _RECORD.pack(sequence, self._start, self._end, *figures)
        self._range = [*(self._range[:2] or (sequence, self._start)), sequence, self._end]
        self.count += 1
        if len(self._pending) == PER_BLOCK * RECORD_SIZE:
            self._write_block()
        if self._coarser:
            self._coarser.join(sequence, self._start, self._end, figures)

    def _write_block(self) -> None:
        if self._pending:
            body = zlib.compress(self._pending)
            first, start, last, end = self._range
            self.blocks.append(Block(first, start, last, end, self.file.tell(), len(body)))
            self.file.write(body)
            self._pending.clear()
            self._range = []

    def close(self) -> None:
        """Write what is pending, here and in the coarser levels."""
        self._write()
        self._window = None
        self._write_block()
        if self._coarser:
            self._coarser.close()


class Levels:
    """All levels of a file, as a context manager that removes their temporary files."""

    def __init__(self) -> None:
        self._levels: list[Level] = []
        for number in reversed(range(LEVELS)):
            self._levels.insert(0, Level(FIRST_SIZE * RATIO**number, self._levels[0] if self._levels else None))
        self.add = self._levels[0].add

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        for level in self._levels:
            level.file.close()

    def choose(self, entries: int) -> list[Level]:
        """Close the levels and return those to write: each has at most half of the records of the one before.

        `entries` is the number of intervals that were added. At least one level is returned, because IGV does not read
        a bigWig without summaries.
        """
        self._levels[0].close()
        chosen, count = [], entries
        for level in self._levels:
            if 2 * level.count <= count:
                chosen.append(level)
                count = level.count
        return chosen or self._levels[-1:]
