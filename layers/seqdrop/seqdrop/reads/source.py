"""The raw stream of a file, which is counted and hashed while it is read, and the decompressed stream."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Protocol

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.findings import fault
from seqdrop.reads.inflate import MAGIC, GzipStream
from seqdrop.reads.signatures import find_packing

if TYPE_CHECKING:
    from _typeshed import SupportsRead, WriteableBuffer

    from seqdrop.reads.expansion import Expansion

BLOCK = 3 << 18  # bytes; fits in the second-level cache of a processor
HEAD = 4096  # bytes that are read to detect the compression, or the kind of an archive


class PlainText(Protocol):
    """A stream of decompressed bytes: PlainStream, GzipStream or BamStream."""

    def readinto(self, view: memoryview, /) -> int:
        """Fill the start of `view` and return the number of bytes; 0 at the end. Raise InvalidFileError on damage."""

    def end_faults(self) -> list[Fault]:
        """Return the faults of the end of the file, such as a missing end marker. The file must be read to its end."""


class Digest(io.RawIOBase):
    """A stream that returns the bytes of another stream, counts them and hashes them (SHA-256)."""

    def __init__(self, raw: SupportsRead[bytes]) -> None:
        self._raw = raw
        self._sha256 = hashlib.sha256()
        self.size = 0
        self.is_complete = False  # whether the end of the stream was reached

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; all bytes if `size` is negative."""
        block = self._raw.read(size) or b""
        self._sha256.update(block)
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
    def sha256(self) -> str:
        """The hash of all bytes read so far, in hexadecimal."""
        return self._sha256.hexdigest()


class PlainStream:
    """A file without compression, with the interface of GzipStream. `head` are bytes that were already read."""

    bgzf = False

    def __init__(self, raw: Digest, head: bytes) -> None:
        self._raw = raw
        self._head = head

    def readinto(self, view: memoryview, /) -> int:
        """Fill the start of `view` and return the number of bytes; 0 at the end of the file."""
        block = self._head or self._raw.read(len(view))
        self._head = block[len(view) :]
        block = block[: len(view)]
        view[: len(block)] = block
        return len(block)

    def end_faults(self) -> list[Fault]:
        """Return an empty list, because a plain file has no end marker."""
        return []


def open_stream(digest: Digest, expansion: Expansion | None = None) -> PlainStream | GzipStream:
    """Return the decompressed stream, which ends with a fault if it exceeds `expansion`.

    Raise InvalidFileError for an empty file or an unsupported compression.
    """
    head = digest.read(HEAD)
    while len(head) < HEAD and (more := digest.read(HEAD - len(head))):
        head += more
    if not head:
        raise InvalidFileError(fault("empty_file", "the file has no bytes"))
    if packing := find_packing(head):
        raise InvalidFileError(packing)
    return GzipStream(digest, head, expansion) if head.startswith(MAGIC) else PlainStream(digest, head)
