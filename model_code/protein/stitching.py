"""Windows of long proteins, and the weights by which their predictions are combined.

A protein longer than a window is covered by windows that overlap by at least `overlap` residues, spaced evenly from its
first residue to its last. Where windows overlap, their predictions are cross-faded. The weight of a window at a residue
is the distance to the nearest edge at which the window was cut, because the model sees least context there. The weights
sum to 1 at each residue, so combining the distributions of the windows gives a distribution.
"""

from __future__ import annotations

import numpy as np


def spans(length: int, window: int, overlap: int) -> list[tuple[int, int]]:
    """Return (start, end) of each window, 0-based half-open, ascending. `overlap` is limited to half a window."""
    if length <= window:
        return [(0, length)]
    overlap = min(overlap, window // 2)
    last, steps = length - window, -(-(length - window) // (window - overlap))
    starts = [number * last // steps for number in range(steps + 1)]
    return [(start, start + window) for start in starts]


def window_weights(length: int, window: int, overlap: int) -> list[tuple[int, np.ndarray]]:
    """Return (start, weight of each of its residues) of each window of `spans`."""
    windows = spans(length, window, overlap)
    raw = [_edge_distances(start, end, length) for start, end in windows]
    total = np.zeros(length)
    for (start, end), part in zip(windows, raw, strict=True):
        total[start:end] += part
    return [(start, part / total[start:end]) for (start, end), part in zip(windows, raw, strict=True)]


def _edge_distances(start: int, end: int, length: int) -> np.ndarray:
    """Return the distance of each residue to the nearest edge inside the protein; 1 if there is no such edge."""
    position = np.arange(end - start, dtype=np.float64)
    left = position + 1 if start > 0 else np.full(end - start, np.inf)
    right = end - start - position if end < length else np.full(end - start, np.inf)
    nearest = np.minimum(left, right)
    return np.where(np.isinf(nearest), 1.0, nearest)
