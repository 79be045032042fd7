"""The parts of S3's multipart copies, and the checksum that S3 reports for them.

A copy of more than 5 GB must be multipart. For such an object S3 stores no SHA-256 of the whole, but a SHA-256 of the
SHA-256s of its parts. The size of the parts follows from the size of the file alone, so this module can compute that
value while the file is read, before the copy is made, and a copy that was interrupted can be continued.
"""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import SupportsRead, WriteableBuffer

WHOLE = 5_000_000_000  # bytes; the largest copy that S3 makes in one call
PART = 256 << 20  # bytes; copying a part takes seconds
MOST_PARTS = 10_000  # of an object, S3's maximum
MOST_BYTES = 50 * 10**12  # of an object; S3's own maximum is MOST_PARTS of 5 GiB, 53.7 TB
MIB = 1 << 20


def needs_multipart(size: int) -> bool:
    """Return True if an object of `size` bytes is copied in parts."""
    return size > WHOLE


def part_size(size: int) -> int:
    """Return the size of the parts of a copy of `size` bytes: PART, or above 2.6 TB as many whole MiB as needed.

    Stored checksums depend on it, so it must never change for any size. Raise ValueError above MOST_BYTES.
    """
    if size > MOST_BYTES:
        raise ValueError(f"an object of {size:,} bytes is larger than S3 stores")
    if size <= PART * MOST_PARTS:
        return PART
    return -(-size // (MOST_PARTS * MIB)) * MIB


def part_ranges(size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (number from 1, first byte, last byte) of each part; both bytes are 0-based and inclusive."""
    step = part_size(size)
    for number, first in enumerate(range(0, size, step), start=1):
        yield number, first, min(first + step, size) - 1


class PartDigests(io.RawIOBase):
    """A stream that returns the bytes of another stream and hashes them part by part, as a copy divides them.

    `size` is the number of bytes of the whole stream; only above 2.6 TB does it make a difference.
    """

    def __init__(self, raw: SupportsRead[bytes], size: int = 0) -> None:
        self._raw = raw
        self._size = part_size(size)
        self._left_in_part = self._size
        self._part = hashlib.sha256()
        self._digests: list[bytes] = []

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; all bytes if `size` is negative."""
        block = self._raw.read(size) or b""
        view = memoryview(block)
        while view:
            head = view[: self._left_in_part]
            self._part.update(head)
            self._left_in_part -= len(head)
            view = view[len(head) :]
            if not self._left_in_part:
                self._digests.append(self._part.digest())
                self._part = hashlib.sha256()
                self._left_in_part = self._size
        return block

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the start of `buffer` and return the number of bytes; 0 at the end of the stream."""
        view = memoryview(buffer)
        block = self.read(len(view))
        view[: len(block)] = block
        return len(block)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the parts' SHA-256s in hexadecimal, a hyphen, and the number of parts.

        It is final once the stream was read to its end.
        """
        digests = [*self._digests, self._part.digest()] if self._left_in_part < self._size else self._digests
        return f"{hashlib.sha256(b''.join(digests)).hexdigest()}-{len(digests)}"
