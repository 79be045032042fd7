"""Checksums of the bytes of a file, all computed in one pass. Hashing needs the reads layer."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

CRC32, SHA256, MD5 = ALGORITHMS = ("crc32", "sha256", "md5")
_BY_DIGITS = {8: CRC32, 32: MD5, 64: SHA256}
_HEXADECIMAL = re.compile(r"[0-9a-f]+")


def algorithm_of(value: str) -> str:
    """Return the algorithm of a checksum in lower-case hexadecimal, by its number of digits; "" if it is none."""
    return _BY_DIGITS.get(len(value), "") if _HEXADECIMAL.fullmatch(value) else ""


@dataclass(frozen=True)
class Checksums:
    """Checksums of the same bytes in lower-case hexadecimal; "" for one that was not computed.

    `crc32` is that of zlib (the CRC-32 of gzip and ZIP) in 8 digits: `00000000` for no bytes.
    """

    crc32: str = ""
    sha256: str = ""
    md5: str = ""

    def value(self, algorithm: str) -> str:
        """Return the checksum of an algorithm of ALGORITHMS. Raise KeyError for any other."""
        return {CRC32: self.crc32, SHA256: self.sha256, MD5: self.md5}[algorithm]


class Hasher:
    """Computes CRC32 and SHA-256 of all blocks that it is given, and MD5 only if asked."""

    def __init__(self, *, md5: bool = False) -> None:
        from isal import isal_zlib  # functions without the reads layer import this module, and hash nothing

        self._add_crc32 = isal_zlib.crc32
        self._crc32 = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None

    def update(self, block: bytes) -> None:
        """Add the next bytes of the file."""
        self._crc32 = self._add_crc32(block, self._crc32)
        self._sha256.update(block)
        if self._md5:
            self._md5.update(block)

    @property
    def checksums(self) -> Checksums:
        """The checksums of all bytes so far."""
        md5 = self._md5.hexdigest() if self._md5 else ""
        return Checksums(f"{self._crc32:08x}", self._sha256.hexdigest(), md5)


def compute_checksums(body: bytes, *, md5: bool = False) -> Checksums:
    """Return the checksums of a small file that is in memory."""
    hasher = Hasher(md5=md5)
    hasher.update(body)
    return hasher.checksums
