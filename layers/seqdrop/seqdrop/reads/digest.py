"""The raw stream of a file, which is counted and hashed while it is read. Needs only the standard library."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from seqdrop.reads.checksums import Checksums, Hasher

if TYPE_CHECKING:
    from _typeshed import SupportsRead, WriteableBuffer

BLOCK = 3 << 18  # bytes; fits in the second-level cache of a processor


class Digest(io.RawIOBase):
    """A stream that returns the bytes of another stream, counts them and hashes them.

    CRC32 and SHA-256 are always computed, MD5 only with `md5`.
    """

    def __init__(self, raw: SupportsRead[bytes], *, md5: bool = False) -> None:
        self._raw = raw
        self._hasher = Hasher(md5=md5)
        self.size = 0
        self.is_complete = False  # whether the end of the stream was reached

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; all bytes if `size` is negative."""
        block = self._raw.read(size) or b""
        self._hasher.update(block)
        self.size += len(block)
        self.is_complete = self.is_complete or (not block and size != 0)
        return block

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the start of `buffer` and return the number of bytes; 0 at the end of the stream."""
        view = memoryview(buffer)
        block = self.read(len(view))
        view[: len(block)] = block
        return len(block)

    def drain(self, limit: int | None = None) -> None:
        """Read the bytes that a parser did not read, so that the digest is that of the whole file.

        If `limit` is not None, stop after about as many bytes; then `is_complete` says whether the end was reached.
        """
        end = None if limit is None else self.size + limit
        while not self.is_complete and (end is None or self.size < end):
            self.read(BLOCK)

    @property
    def checksums(self) -> Checksums:
        """The checksums of all bytes read so far."""
        return self._hasher.checksums

    @property
    def sha256(self) -> str:
        """The SHA-256 of all bytes read so far, in hexadecimal."""
        return self.checksums.sha256
