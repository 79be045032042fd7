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
STACK = 128  # rows that are summed lane by lane at once


def width_for(longest: int) -> int:
    """The row width for texts of up to `longest` bytes: whole 64-bit words."""
    return max(8, (longest + 7) & ~7)


def gather(data: np.ndarray, starts: np.ndarray, width: int) -> np.ndarray:
    """Rows of `width` bytes of `data` from each start. `data` must go on that far after the last start."""
    windows = np.ndarray((len(data) - width + 1,), dtype=f"V{width}", buffer=data, strides=(1,))
    return windows[starts].view(np.uint8).reshape(len(starts), width)


def blank_after(rows: np.ndarray, lengths: np.ndarray) -> None:
    """Set what stands after the first `lengths[i]` bytes of row i to zero."""
    width = rows.shape[1]
    shortest, longest = int(lengths.min()), int(lengths.max())
    rows[:, longest:] = 0
    if shortest < longest:
        columns = np.arange(shortest, longest, dtype=np.uint16)
        rows[:, shortest:longest] *= columns < lengths.astype(np.uint16)[:, None]
    assert longest <= width


def flag_columns(flags: np.ndarray) -> np.ndarray:
    """How many flags (0 or 1) are set in each column; int64."""
    return _columns(flags.view(np.uint64), np.uint8)


def byte_columns(rows: np.ndarray) -> np.ndarray:
    """The sum of each column of bytes of up to 126; int64."""
    words = rows.view(np.uint64)
    total = np.empty(rows.shape[1], np.int64)
    total[0::2] = _columns(words & EVEN, np.uint16)
    total[1::2] = _columns((words >> EIGHT) & EVEN, np.uint16)
    return total


def _columns(words: np.ndarray, lane: type) -> np.ndarray:
    count, width = words.shape
    layers = count // STACK
    total = _sum_layers(words[layers * STACK :], lane).reshape(1, -1)
    if layers:
        stacked = words[: layers * STACK].reshape(STACK, layers * width)
        total = np.concatenate([total, _sum_layers(stacked, lane).reshape(layers, -1)])
    return total.sum(axis=0, dtype=np.int64)


def _sum_layers(words: np.ndarray, lane: type) -> np.ndarray:
    return np.add.reduce(words, axis=0).view(lane)


def flag_rows(flags: np.ndarray) -> np.ndarray:
    """How many flags are set in each row of up to 512; int64."""
    lanes = np.einsum("ij->i", flags.view(np.uint64))
    return _fold((lanes & EVEN) + ((lanes >> EIGHT) & EVEN))


def byte_rows(rows: np.ndarray) -> np.ndarray:
    """The sum of each row of up to 512 bytes of up to 126; int64."""
    words = rows.view(np.uint64)
    return _fold(np.einsum("ij->i", (words & EVEN) + ((words >> EIGHT) & EVEN)))


def _fold(lanes: np.ndarray) -> np.ndarray:
    """The sum of the four 16-bit lanes of each word; it must fit in 16 bits."""
    return ((lanes * ONES) >> TOP).astype(np.int64)
