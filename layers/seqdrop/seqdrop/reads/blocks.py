"""The buffer that a stream is read into, in blocks of whole records that fit in the processor's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqdrop.errors import InvalidFileError
from seqdrop.reads.digest import BLOCK

if TYPE_CHECKING:
    from seqdrop.reads.source import PlainText

# Bytes that are allocated after the data. Vectorised code reads rows of fixed width, which may end after the data.
PAD = 4096
LIMIT = 1 << 24  # bytes of the largest buffer, and therefore of the longest FASTQ record


class Blocks:
    """A buffer that contains `data[:size]`. `use` marks bytes at its start as parsed; the next `fill` drops them.

    `final` is True once the stream has ended; `broken` is the exception if it ended because it is damaged.
    """

    def __init__(self, stream: PlainText, block: int = BLOCK, limit: int = LIMIT) -> None:
        self._stream = stream
        self._block = block
        self._limit = max(limit, block)
        self.data = np.empty(block + PAD, np.uint8)
        self.size = 0
        self.used = 0
        self.final = False
        self.broken: InvalidFileError | None = None

    @property
    def full(self) -> bool:
        """Whether the buffer has its largest size and is full."""
        return self.size >= self._limit

    def fill(self) -> None:
        """Drop the used bytes, then read until the buffer has a block, or twice the remaining data if that is more."""
        self._drop()
        target = min(self._limit, max(self._block, 2 * self.size))
        if len(self.data) < target + PAD:
            self._grow(target)
        view = self.data.data
        while self.size < target and not self.final:
            try:
                count = self._stream.readinto(view[self.size : target])
            except InvalidFileError as error:
                self.broken = error
                count = 0
            self.size += count
            self.final = not count

    def use(self, count: int) -> None:
        """Mark `count` bytes at the start as used. They stay in the buffer until the next `fill`."""
        self.used = count

    def _drop(self) -> None:
        left = self.size - self.used
        if self.used:
            self.data[:left] = self.data[self.used : self.size].copy()
        self.size = left
        self.used = 0

    def _grow(self, target: int) -> None:
        data = np.empty(min(self._limit, 2 * target) + PAD, np.uint8)
        data[: self.size] = self.data[: self.size]
        self.data = data
