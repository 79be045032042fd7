"""Arrange reads as rows of a matrix of bytes, and compute fast sums over its rows and columns.

numpy adds bytes one by one if the result is wider than a byte. These functions therefore add eight bytes at a time, as
lanes of a 64-bit word. The lanes must not overflow: an 8-bit lane holds the sum of 255 flags, a 16-bit lane that of 520
bytes of up to 126.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt8Array, UInt64Array

EVEN = np.uint64(0x00FF00FF00FF00FF)
EIGHT = np.uint64(8)
ONES = np.uint64(0x0001000100010001)
TOP = np.uint64(48)
STACK = 64  # rows whose lanes are added before they are widened


class Scratch:
    """Arrays that are reused for every block, because allocating new memory takes longer than the sums."""

    def __init__(self) -> None:
        self._arrays: dict[str, UInt8Array] = {}

    def __call__(self, name: str, shape: tuple[int, int], dtype: npt.DTypeLike = np.uint8) -> npt.NDArray[Any]:
        """Return an array with arbitrary content. The next call with the same name reuses its memory."""
        size = shape[0] * shape[1] * np.dtype(dtype).itemsize
        if name not in self._arrays or len(self._arrays[name]) < size:
            self._arrays[name] = np.empty(size + size // 4, np.uint8)
        return self._arrays[name][:size].view(dtype).reshape(shape)


def width_for(longest: int) -> int:
    """Return the row width in bytes for texts of up to `longest` bytes: whole 64-bit words."""
    return max(8, (longest + 7) & ~7)


def gather(data: UInt8Array, starts: Int64Array, width: int) -> UInt8Array:
    """Return a row of `width` bytes of `data` from each start. `data` must extend `width` beyond the last start."""
    return _windows(data, width)[starts].view(np.uint8).reshape(len(starts), width)


def stack(data: UInt8Array, starts: Int64Array, lengths: Int64Array, rows: UInt8Array) -> UInt8Array:
    """Fill row i with `lengths[i]` bytes of `data` from `starts[i]`, then zeros; zero other rows. Return `rows`."""
    count, width = len(starts), rows.shape[1]
    rows.view(f"V{width}")[:count, 0] = _windows(data, width)[starts]
    rows[count:] = 0
    clear_after(rows[:count], lengths)
    return rows


def _windows(data: UInt8Array, width: int) -> npt.NDArray[np.void]:
    """Return a view of `data` with an element of `width` bytes at every offset."""
    windows: npt.NDArray[np.void] = np.ndarray(
        (len(data) - width + 1,), dtype=f"V{width}", buffer=data.data, strides=(1,)
    )
    return windows


def stack_height(count: int) -> int:
    """Return the number of rows for `count` reads: a multiple of STACK."""
    return -(-count // STACK) * STACK


def clear_after(rows: UInt8Array, lengths: Int64Array) -> None:
    """Set all bytes after the first `lengths[i]` bytes of row i to zero."""
    shortest, longest = int(lengths.min()), int(lengths.max())
    rows[:, longest:] = 0
    if shortest < longest:
        columns = np.arange(shortest, longest, dtype=np.uint16)
        rows[:, shortest:longest] *= columns < lengths.astype(np.uint16)[:, None]


def flag_columns(flags: BoolArray) -> Int64Array:
    """Return the number of set flags in each column. The number of rows must be a multiple of STACK."""
    return _add_columns(flags.view(np.uint64), np.uint8)


def split_lanes(rows: UInt8Array, scratch: Scratch) -> tuple[UInt64Array, UInt64Array]:
    """Return (even columns, odd columns) of bytes, widened to 16-bit lanes of 64-bit words."""
    words = rows.view(np.uint64)
    even: UInt64Array = np.bitwise_and(words, EVEN, out=scratch("even", words.shape, np.uint64))
    odd: UInt64Array = np.right_shift(words, EIGHT, out=scratch("odd", words.shape, np.uint64))
    odd &= EVEN
    return even, odd


def byte_columns(even: UInt64Array, odd: UInt64Array) -> Int64Array:
    """Return the sum of each column of bytes, given the results of `split_lanes`. Bytes must be at most 126."""
    total = np.empty(8 * even.shape[1], np.int64)
    total[0::2] = _add_columns(even, np.uint16)
    total[1::2] = _add_columns(odd, np.uint16)
    return total


def _add_columns(words: UInt64Array, lane: type[np.uint8 | np.uint16]) -> Int64Array:
    layers, width = len(words) // STACK, words.shape[1]
    sums = np.add.reduce(words.reshape(STACK, layers * width), axis=0)
    total: Int64Array = np.add.reduce(sums.view(lane).reshape(layers, -1), axis=0, dtype=np.int64)
    return total


def flag_rows(flags: BoolArray) -> Int64Array:
    """Return the number of set flags in each row. Rows must have at most 512 flags."""
    sums: UInt64Array = np.einsum("ij->i", flags.view(np.uint64))
    return _fold((sums & EVEN) + ((sums >> EIGHT) & EVEN))


def byte_rows(even: UInt64Array, odd: UInt64Array) -> Int64Array:
    """Return the sum of each row, given the results of `split_lanes`; `even` is overwritten.

    Rows must have at most 512 bytes of at most 126.
    """
    even += odd
    return _fold(np.einsum("ij->i", even))


def _fold(words: UInt64Array) -> Int64Array:
    """Return the sum of the four 16-bit lanes of each word; it must fit in 16 bits."""
    return ((words * ONES) >> TOP).astype(np.int64)
