"""Made-up sequences on which a new model archive is tried."""

from __future__ import annotations

import hashlib


def make_sequence(alphabet: str, length: int, number: int) -> str:
    """Return a pseudo-random sequence of an alphabet; the same number gives the same sequence."""
    noise = hashlib.shake_128(number.to_bytes(4, "big")).digest(length)
    return "".join(alphabet[byte % len(alphabet)] for byte in noise)
