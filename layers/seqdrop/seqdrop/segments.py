"""Cutting records into work items that lose no window.

A model sees windows of `window` bases that start at 0, stride, 2·stride, …, and one more that ends flush
with the record if a tail is left. A segment holds `windows` of them; the next segment starts one stride after
the last window's start. So the windows of all segments together are exactly the windows of the record, and the
container can window each segment as if it were a record of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

from seqdrop.config.kind_settings import ModelUse


def segments(length: int, window: int, stride: int, windows: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each segment, 0-based half-open on the record. A record shorter than `window` is one segment."""
    regular = max(1, (length - window) // stride + 1)
    for first in range(0, regular, windows):
        last = min(first + windows, regular) - 1
        end = length if last == regular - 1 else last * stride + window
        yield first * stride, end


def count_windows(length: int, window: int, stride: int) -> int:
    """How many windows a record has on one strand (a record shorter than `window` counts as one)."""
    if length <= window:
        return 1
    tail = (length - window) % stride != 0
    return (length - window) // stride + 1 + tail


def window_counter(use: ModelUse) -> Callable[[int], int]:
    """A function from a record's length to its windows on all strands. Quick for lengths that recur."""
    return lru_cache(1_000)(lambda length: len(use.strands) * count_windows(length, use.window, use.stride))
