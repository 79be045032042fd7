"""The checksums of a file, computed in the pass that sends it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from functools import lru_cache

from isal import isal_zlib

POLYNOMIAL = 0xEDB88320  # of CRC-32, with its bits reversed, as zlib has it
Matrix = tuple[int, ...]  # 32 columns over GF(2), each an integer of 32 bits


def encode_crc32(value: int) -> str:
    """Return a CRC32 as S3 writes it: base64 of four bytes, most significant first."""
    return base64.b64encode(value.to_bytes(4, "big")).decode()


def combine_crc32(first: int, second: int, length: int) -> int:
    """Return the CRC-32 of two pieces one after the other. `second` is that of the second piece, of `length` bytes.

    A zero byte at the end is a linear map of a CRC, so `length` of them are a power of it (zlib's crc32_combine, which
    Python does not have).
    """
    return _apply(_zeros(length), first) ^ second


def _apply(matrix: Matrix, vector: int) -> int:
    total, column = 0, 0
    while vector:
        if vector & 1:
            total ^= matrix[column]
        vector >>= 1
        column += 1
    return total


@lru_cache(maxsize=64)  # the parts of a file have one size, except the last
def _zeros(length: int) -> Matrix:
    """Return the map of `length` zero bytes."""
    power: Matrix = (POLYNOMIAL, *(1 << bit for bit in range(31)))  # of one zero bit
    for _ in range(3):
        power = _multiply(power, power)
    result: Matrix = tuple(1 << bit for bit in range(32))
    while length:
        if length & 1:
            result = _multiply(power, result)
        power = _multiply(power, power)
        length >>= 1
    return result


def _multiply(left: Matrix, right: Matrix) -> Matrix:
    return tuple(_apply(left, column) for column in right)


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
