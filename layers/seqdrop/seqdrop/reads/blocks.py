"""The buffer that a stream is read into: blocks that stay in the processor's cache, cut where records end."""

from __future__ import annotations

import numpy as np

from seqdrop.errors import InvalidFileError
from seqdrop.reads.source import BLOCK

# Windows of the last record may reach beyond the data; so many bytes after it can always be read.
PAD = 4096
LIMIT = 1 << 24  # bytes of a buffer, and so of a FASTQ record


class Blocks:
    """`data[:size]` is what was read. `use` marks bytes at its front, which `fill` drops before it reads more.

    `final` is set when the stream has ended, `broken` with the fault if it ended because it is damaged.
    """

    def __init__(self, stream, block: int = BLOCK, limit: int = LIMIT):
        self._stream, self._block, self._limit = stream, block, max(limit, block)
        self.data = np.empty(block + PAD, np.uint8)
        self.size = self.used = 0
        self.final = False
        self.broken: InvalidFileError | None = None

    @property
    def full(self) -> bool:
        """Whether the buffer is as large as it may get, and holds no more."""
        return self.size >= self._limit

    def fill(self) -> None:
        """Read until a block is held, or twice what is held already if that is more."""
        self._drop()
        target = min(self._limit, max(self._block, 2 * self.size))
        if len(self.data) < target + PAD:
            self._grow(target)
        view = memoryview(self.data)
        while self.size < target and not self.final:
            try:
                got = self._stream.readinto(view[self.size : target])
            except InvalidFileError as error:
                self.broken, got = error, 0
            self.size += got
            self.final = not got

    def use(self, count: int) -> None:
        """Give up `count` bytes at the front. They stay where they are until the next `fill`."""
        self.used = count

    def _drop(self) -> None:
        left = self.size - self.used
        if self.used:
            self.data[:left] = self.data[self.used : self.size].copy()
        self.size, self.used = left, 0

    def _grow(self, target: int) -> None:
        data = np.empty(min(self._limit, 2 * target) + PAD, np.uint8)
        data[: self.size] = self.data[: self.size]
        self.data = data
