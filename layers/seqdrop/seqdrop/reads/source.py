"""The raw stream, counted and hashed as it is read, and the plain stream that is made of it."""

from __future__ import annotations

import hashlib
import io
from typing import BinaryIO

from seqdrop.errors import InvalidFileError
from seqdrop.reads.findings import fault
from seqdrop.reads.inflate import MAGIC, GzipStream

BLOCK = 3 << 18  # stays in the second cache
HEAD = 16
# Magic numbers of what labs drop now and then; each is refused by its name.
UNSUPPORTED = {b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}


class Digest(io.RawIOBase):
    """Passes a stream on while it counts its bytes and hashes them (SHA-256)."""

    def __init__(self, raw: BinaryIO):
        self._raw = raw
        self._sha256 = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        block = self._raw.read(size) or b""
        self._sha256.update(block)
        self.size += len(block)
        return block

    def readinto(self, buffer) -> int:
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def drain(self) -> None:
        """Read what a parser left, so that the digest is that of the whole object."""
        while self.read(BLOCK):
            pass

    @property
    def sha256(self) -> str:
        """Hexadecimal, of all bytes read so far."""
        return self._sha256.hexdigest()


class PlainStream:
    """A file without compression, with the interface of GzipStream."""

    bgzf = False

    def __init__(self, raw: Digest, head: bytes):
        self._raw, self._head = raw, head

    def readinto(self, view: memoryview) -> int:
        block = self._head or self._raw.read(len(view))
        self._head = block[len(view) :]
        block = block[: len(view)]
        view[: len(block)] = block
        return len(block)

    def check_end(self) -> None:
        """Nothing marks the end of a plain file."""


def plain_stream(digest: Digest) -> PlainStream | GzipStream:
    """The decompressed stream. Raises InvalidFileError for an empty object or an unsupported compression."""
    head = digest.read(HEAD)
    while len(head) < HEAD and (more := digest.read(HEAD - len(head))):
        head += more
    if not head:
        raise InvalidFileError(fault("empty_file", "the file has no bytes"))
    for prefix, name in UNSUPPORTED.items():
        if head.startswith(prefix):
            raise InvalidFileError(fault("unsupported_compression", f"the file is compressed with {name}"))
    return GzipStream(digest, head) if head.startswith(MAGIC) else PlainStream(digest, head)
