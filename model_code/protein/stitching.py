"""Cutting proteins into windows that a model takes, and putting together what it says of them.

A protein longer than a window is covered by windows that overlap by `overlap` residues at the least, spread evenly
from its first residue to its last. Where windows overlap their answers are cross-faded: a window's weight at a residue
is its distance to the nearest edge that the window cut through the protein, for there the model sees least of the
neighbourhood; weights are 1 in sum at each residue. So what is a distribution in each window is one after stitching.
"""

from __future__ import annotations

import numpy as np


def spans(length: int, window: int, overlap: int) -> list[tuple[int, int]]:
    """(start, end) of each window, 0-based half-open, ascending. An overlap beyond half a window is cut to that."""
    if length <= window:
        return [(0, length)]
    overlap = min(overlap, window // 2)
    last, steps = length - window, -(-(length - window) // (window - overlap))
    starts = [number * last // steps for number in range(steps + 1)]
    return [(start, start + window) for start in starts]


def weights(length: int, window: int, overlap: int) -> list[tuple[int, np.ndarray]]:
    """(start, weight of each of its residues) of each window of `spans`."""
    cut = spans(length, window, overlap)
    raw = [_distances(start, end, length) for start, end in cut]
    total = np.zeros(length)
    for (start, end), part in zip(cut, raw, strict=True):
        total[start:end] += part
    return [(start, part / total[start:end]) for (start, end), part in zip(cut, raw, strict=True)]


def _distances(start: int, end: int, length: int) -> np.ndarray:
    """Of each residue to the nearest edge that is no end of the protein; 1 where there is none."""
    place = np.arange(end - start, dtype=np.float64)
    left = place + 1 if start > 0 else np.full(end - start, np.inf)
    right = end - start - place if end < length else np.full(end - start, np.inf)
    nearest = np.minimum(left, right)
    return np.where(np.isinf(nearest), 1.0, nearest)
