"""A byte stream that is counted and hashed as it is read, and decompressed if it is gzip."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from isal import igzip, isal_zlib

from seqdrop.errors import Fault, InvalidFile

BLOCK = 1 << 20
GZIP = b"\x1f\x8b"
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

    def readinto(self, buffer) -> int:
        block = self._raw.read(len(buffer))
        buffer[: len(block)] = block
        self._sha256.update(block)
        self.size += len(block)
        return len(block)

    def drain(self) -> None:
        """Read what a parser left, so that the digest is that of the whole object."""
        while self.read(BLOCK):
            pass

    @property
    def sha256(self) -> str:
        """Hexadecimal, of all bytes read so far."""
        return self._sha256.hexdigest()


def plain_stream(digest: Digest) -> BinaryIO:
    """The decompressed stream. Raises InvalidFile for an empty object or an unsupported compression."""
    raw = io.BufferedReader(digest, BLOCK)
    magic = raw.peek(6)[:6]
    if not magic:
        raise InvalidFile(
            Fault("empty_file", "the file has no bytes", "Upload it again; the transfer may have been cut.")
        )
    for prefix, name in UNSUPPORTED.items():
        if magic.startswith(prefix):
            advice = "Decompress it and upload it plain or as gzip (bgzip, pigz and gzip all do)."
            raise InvalidFile(Fault("unsupported_compression", f"the file is compressed with {name}", advice))
    return igzip.GzipFile(fileobj=raw) if magic.startswith(GZIP) else raw


@contextmanager
def compression_faults() -> Iterator[None]:
    """Turn what a broken gzip raises into InvalidFile; the parsers know nothing of compression."""
    advice = "The file was damaged in transfer or writing. Compare checksums with the source and upload it again."
    try:
        yield
    except EOFError as error:
        raise InvalidFile(Fault("gzip_truncated", "the gzip stream ends before its end marker", advice)) from error
    except (igzip.BadGzipFile, zlib.error, isal_zlib.error) as error:
        raise InvalidFile(Fault("gzip_corrupt", f"the gzip stream is damaged: {error}", advice)) from error
