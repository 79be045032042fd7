"""The raw stream of a file, which is counted and hashed while it is read, and the decompressed stream."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Protocol

from seqdrop.errors import InvalidFileError
from seqdrop.reads.findings import fault
from seqdrop.reads.inflate import MAGIC, GzipStream
from seqdrop.reads.signatures import find_packing

if TYPE_CHECKING:
    from _typeshed import SupportsRead, WriteableBuffer

BLOCK = 3 << 18  # bytes; fits in the second-level cache of a processor
HEAD = 4096  # bytes that are read to detect the compression, or the kind of an archive


class PlainText(Protocol):
    """A stream of decompressed bytes: PlainStream, GzipStream or BamStream."""

    def readinto(self, view: memoryview, /) -> int:
        """Fill the start of `view` and return the number of bytes; 0 at the end. Raise InvalidFileError on damage."""

    def check_end(self) -> None:
        """Raise InvalidFileError if the file lacks its end marker. Call it after the last byte was read."""


class Digest(io.RawIOBase):
    """A stream that returns the bytes of another stream, counts them and hashes them (SHA-256)."""

    def __init__(self, raw: SupportsRead[bytes]) -> None:
        self._raw = raw
        self._sha256 = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes; all bytes if `size` is negative."""
        block = self._raw.read(size) or b""
        self._sha256.update(block)
        self.size += len(block)
        return block

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the start of `buffer` and return the number of bytes; 0 at the end of the stream."""
        view = memoryview(buffer)
        block = self.read(len(view))
        view[: len(block)] = block
        return len(block)

    def drain(self) -> None:
        """Read the bytes that a parser did not read, so that the digest is that of the whole file."""
        while self.read(BLOCK):
            pass

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

    def check_end(self) -> None:
        """Do nothing, because a plain file has no end marker."""


def open_stream(digest: Digest) -> PlainStream | GzipStream:
    """Return the decompressed stream. Raise InvalidFileError for an empty file or an unsupported compression."""
    head = digest.read(HEAD)
    while len(head) < HEAD and (more := digest.read(HEAD - len(head))):
        head += more
    if not head:
        raise InvalidFileError(fault("empty_file", "the file has no bytes"))
    if packing := find_packing(head):
        raise InvalidFileError(packing)
    return GzipStream(digest, head) if head.startswith(MAGIC) else PlainStream(digest, head)
