"""CRC32 as S3 writes it, and the CRC32 of a whole from those of its pieces."""

from __future__ import annotations

import base64
from functools import cache, lru_cache

POLYNOMIAL = 0xEDB88320  # of CRC-32, with its bits reversed, as zlib has it: the highest bit is the coefficient of 1
ONE = 1 << 31


def encode_crc32(value: int) -> str:
    """Return a CRC32 as S3 writes it: base64 of four bytes, most significant first."""
    return base64.b64encode(value.to_bytes(4, "big")).decode()


def decode_crc32(text: str) -> int:
    """Return the CRC32 that S3 wrote so."""
    return int.from_bytes(base64.b64decode(text), "big")


def combine_crc32(first: int, second: int, length: int) -> int:
    """Return the CRC-32 of two pieces one after the other. `second` is that of the second piece, of `length` bytes.

    Zero bytes at the end multiply a CRC by a power of x, modulo the polynomial (zlib's crc32_combine, which Python does
    not have).
    """
    return _multiply(_power(8 * length), first) ^ second


def _multiply(left: int, right: int) -> int:
    """Return the product of two polynomials modulo POLYNOMIAL."""
    product = 0
    while left:
        if left & ONE:
            product ^= right
        left = left << 1 & 0xFFFFFFFF
        right = right >> 1 ^ POLYNOMIAL if right & 1 else right >> 1
    return product


@lru_cache(maxsize=1024)
def _power(exponent: int) -> int:
    """Return x to the power of `exponent` modulo POLYNOMIAL."""
    result, bit = ONE, 0
    while exponent:
        if exponent & 1:
            result = _multiply(_square(bit), result)
        exponent >>= 1
        bit += 1
    return result


@cache
def _square(times: int) -> int:
    """Return x, squared `times` times, modulo POLYNOMIAL."""
    if times == 0:
        return ONE >> 1
    half = _square(times - 1)
    return _multiply(half, half)
