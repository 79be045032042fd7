"""Made-up sequences on which a new model archive is tried."""

from __future__ import annotations

import hashlib


def make_sequence(letters: str, length: int, number: int) -> str:
    """Return a pseudo-random sequence of these letters; the same number gives the same sequence."""
    noise = hashlib.shake_128(number.to_bytes(4, "big")).digest(length)
    return "".join(letters[byte % len(letters)] for byte in noise)
