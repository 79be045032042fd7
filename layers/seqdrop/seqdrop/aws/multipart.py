"""Objects that S3 copies in parts, and the SHA-256 of parts that it then tells of.

A copy of more than 5 GB must be multipart. S3 has no SHA-256 of such an object as a whole, but one of its parts'
SHA-256s; since the parts are always cut alike, it is computed while the file is read, and foretold exactly.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = 5_000_000_000  # bytes; S3 copies no more in one call
PART = 256 << 20  # some seconds for one copy, and at most 10,000 parts: 2.6 TB


def needs_multipart(size: int) -> bool:
    """Whether a copy of so many bytes is made in parts."""
    return size > WHOLE


def part_ranges(size: int) -> Iterator[tuple[int, int, int]]:
    """(number from 1, first byte, last byte) of each part."""
    for number, first in enumerate(range(0, size, PART), start=1):
        yield number, first, min(first + PART, size) - 1


class PartDigests(io.RawIOBase):
    """Passes a stream on, and hashes it part by part."""

    def __init__(self, raw: BinaryIO):
        self._raw, self._size, self._room = raw, PART, PART
        self._part, self._done = hashlib.sha256(), []

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._raw.read(size) or b""
        view = memoryview(block)
        while view:
            taken = view[: self._room]
            self._part.update(taken)
            self._room -= len(taken)
            view = view[len(taken) :]
            if not self._room:
                self._done.append(self._part.digest())
                self._part, self._room = hashlib.sha256(), self._size
        return block

    def readinto(self, buffer) -> int:
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    @property
    def sha256(self) -> str:
        """Hexadecimal, and the number of parts after a hyphen. Of a stream that was read to its end."""
        digests = [*self._done, self._part.digest()] if self._room < self._size else self._done
        return f"{hashlib.sha256(b''.join(digests)).hexdigest()}-{len(digests)}"
