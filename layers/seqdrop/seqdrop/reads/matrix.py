"""Reads as rows of a matrix of bytes, and fast sums over it.

numpy sums bytes one by one when asked for a wider result. Eight bytes are therefore added as one 64-bit word,
whose lanes must not overflow: 8-bit lanes hold 255 flags, 16-bit lanes 520 bytes of up to 126.
"""

from __future__ import annotations

import numpy as np

EVEN = np.uint64(0x00FF00FF00FF00FF)
EIGHT = np.uint64(8)
ONES = np.uint64(0x0001000100010001)
TOP = np.uint64(48)
STACK = 64  # rows that are summed lane by lane at once


class Scratch:
    """Arrays that are used again for every block: to ask the system for fresh memory costs more than the sums."""

    def __init__(self):
        self._held: dict[str, np.ndarray] = {}

    def __call__(self, name: str, shape: tuple[int, int], dtype: type = np.uint8) -> np.ndarray:
        """An array of that name with whatever was left in it; the next call with the name takes it back."""
        size = shape[0] * shape[1] * np.dtype(dtype).itemsize
        if name not in self._held or len(self._held[name]) < size:
            self._held[name] = np.empty(size + size // 4, np.uint8)
        return self._held[name][:size].view(dtype).reshape(shape)


def width_for(longest: int) -> int:
    """The row width for texts of up to `longest` bytes: whole 64-bit words."""
    return max(8, (longest + 7) & ~7)


def gather(data: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray:
    """Rows of `width` bytes of `data` from each start. `data` must go on that far after the last start."""
    windows = np.ndarray((len(data) - width + 1,), dtype=f"V{width}", buffer=data, strides=(1,))
    return windows[starts].view(np.uint8).reshape(len(starts), width)


def stacked(data: np.ndarray, starts: np.ndarray, lengths: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Fill `rows` as `gather` makes them, blank after their lengths; what rows are left are zeros."""
    count, width = len(starts), rows.shape[1]
    windows = np.ndarray((len(data) - width + 1,), dtype=f"V{width}", buffer=data, strides=(1,))
    rows.view(f"V{width}")[:count, 0] = windows[starts]
    rows[count:] = 0
    blank_after(rows[:count], lengths)
    return rows


def stack_height(count: int) -> int:
    """How many rows hold `count` reads: a multiple of STACK."""
    return -(-count // STACK) * STACK


def blank_after(rows: np.ndarray, lengths: np.ndarray) -> None:
    """Set what stands after the first `lengths[i]` bytes of row i to zero."""
    shortest, longest = int(lengths.min()), int(lengths.max())
    rows[:, longest:] = 0
    if shortest < longest:
        columns = np.arange(shortest, longest, dtype=np.uint16)
        rows[:, shortest:longest] *= columns < lengths.astype(np.uint16)[:, None]


def flag_columns(flags: np.ndarray) -> np.ndarray:
    """How many flags (0 or 1) are set in each column; int64. The number of rows is a multiple of STACK."""
    return _columns(flags.view(np.uint64), np.uint8)


def lanes(rows: np.ndarray, scratch: Scratch) -> tuple[np.ndarray, np.ndarray]:
    """The even and the odd columns of bytes as 16-bit lanes of words."""
    words = rows.view(np.uint64)
    even = np.bitwise_and(words, EVEN, out=scratch("even", words.shape, np.uint64))
    odd = np.right_shift(words, EIGHT, out=scratch("odd", words.shape, np.uint64))
    odd &= EVEN
    return even, odd


def byte_columns(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """The sum of each column of bytes of up to 126, from their lanes; int64."""
    total = np.empty(8 * even.shape[1], np.int64)
    total[0::2] = _columns(even, np.uint16)
    total[1::2] = _columns(odd, np.uint16)
    return total


def _columns(words: np.ndarray, lane: type) -> np.ndarray:
    layers, width = len(words) // STACK, words.shape[1]
    sums = np.add.reduce(words.reshape(STACK, layers * width), axis=0)
    return np.add.reduce(sums.view(lane).reshape(layers, -1), axis=0, dtype=np.int64)


def flag_rows(flags: np.ndarray) -> np.ndarray:
    """How many flags are set in each row of up to 512; int64."""
    sums = np.einsum("ij->i", flags.view(np.uint64))
    return _fold((sums & EVEN) + ((sums >> EIGHT) & EVEN))


def byte_rows(even: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """The sum of each row of up to 512 bytes of up to 126, from their lanes, which are spoilt; int64."""
    even += odd
    return _fold(np.einsum("ij->i", even))


def _fold(words: np.ndarray) -> np.ndarray:
    """The sum of the four 16-bit lanes of each word; it must fit in 16 bits."""
    return ((words * ONES) >> TOP).astype(np.int64)
