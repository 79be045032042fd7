"""The checksums of a file, computed in the pass that sends it."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass, field


def encode_crc32(value: int) -> str:
    """Return a CRC32 as S3 writes it: base64 of four bytes, most significant first."""
    return base64.b64encode(value.to_bytes(4, "big")).decode()


@dataclass
class Digest:
    """CRC32 and SHA-256 of the bytes that were passed so far."""

    crc: int = 0
    sha: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, block: bytes) -> None:
        """Take more bytes."""
        self.crc = zlib.crc32(block, self.crc)
        self.sha.update(block)

    @property
    def crc32(self) -> str:
        """The CRC32 as S3 writes it."""
        return encode_crc32(self.crc)

    @property
    def sha256(self) -> str:
        """The SHA-256 in hexadecimal digits."""
        return self.sha.hexdigest()
