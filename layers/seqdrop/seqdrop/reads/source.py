"""The decompressed stream of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.findings import fault
from seqdrop.reads.inflate import MAGIC, GzipStream
from seqdrop.reads.signatures import find_packing

if TYPE_CHECKING:
    from seqdrop.reads.digest import Digest
    from seqdrop.reads.expansion import Expansion

HEAD = 4096  # bytes that are read to detect the compression, or the kind of an archive


class PlainText(Protocol):
    """A stream of decompressed bytes: PlainStream, GzipStream or BamStream."""

    def readinto(self, view: memoryview, /) -> int:
        """Fill the start of `view` and return the number of bytes; 0 at the end. Raise InvalidFileError on damage."""

    def end_faults(self) -> list[Fault]:
        """Return the faults of the end of the file, such as a missing end marker. The file must be read to its end."""


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
