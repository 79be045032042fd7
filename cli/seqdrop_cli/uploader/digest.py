"""The checksums of a file, computed in the pass that sends it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from isal import isal_zlib
from seqdrop.aws.crc32 import combine_crc32, encode_crc32


@dataclass
class Digest:
    """CRC32 and SHA-256 of the bytes that were passed so far."""

    crc: int = 0
    sha: hashlib._Hash = field(default_factory=hashlib.sha256)

    def add(self, block: bytes) -> int:
        """Take more bytes; return the CRC-32 of these alone. They are read once for both."""
        crc = isal_zlib.crc32(block)
        self.crc = combine_crc32(self.crc, crc, len(block))
        self.sha.update(block)
        return crc

    @property
    def crc32(self) -> str:
        """The CRC32 as S3 writes it."""
        return encode_crc32(self.crc)

    @property
    def sha256(self) -> str:
        """The SHA-256 in hexadecimal digits."""
        return self.sha.hexdigest()
