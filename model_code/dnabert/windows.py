"""Positions of the windows of an item's sequence, and which of them can be scored.

Positions are 0-based and half-open, relative to the start of the item; scoring.py adds the item's `start` when it
writes the prediction. A window has the same forward coordinates on both strands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from tokens import OTHER

if TYPE_CHECKING:
    from collections.abc import Mapping

STRANDS = {"+": ("+",), "+-": ("+", "-")}
Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class WindowSettings:
    """How a job cuts windows; the same for all of its lines. Raises ValueError for values out of range."""

    window: int
    """Bases in a window."""
    stride: int
    """Bases from the start of one window to the start of the next."""
    strands: tuple[str, ...]
    """Strands that are scored, "+" first."""
    max_n_fraction: float = 0.1
    """A window is not scored if its share of bases other than A, C, G and T is larger."""
    score_short: bool = False
    """True if an item shorter than a window is scored as one window of its own length; else it is not scored."""

    def __post_init__(self) -> None:
        if self.window < 1 or self.stride < 1:
            raise ValueError("SEQDROP_WINDOW and SEQDROP_STRIDE must be at least 1")
        if not 0 <= self.max_n_fraction <= 1:
            raise ValueError("SEQDROP_MAX_N_FRACTION must be between 0 and 1")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> WindowSettings:
        """Return the job's settings. Raise ValueError, which names the variable, if one is missing or invalid."""
        strands = environment.get("SEQDROP_STRANDS", "+")
        if strands not in STRANDS:
            raise ValueError('SEQDROP_STRANDS must be "+" or "+-"')
        short = environment.get("SEQDROP_SHORT", "skip")
        if short not in ("skip", "score"):
            raise ValueError('SEQDROP_SHORT must be "skip" or "score"')
        return cls(
            window=_read_number(environment, "SEQDROP_WINDOW", int),
            stride=_read_number(environment, "SEQDROP_STRIDE", int),
            strands=STRANDS[strands],
            max_n_fraction=_read_number(environment, "SEQDROP_MAX_N_FRACTION", float, "0.1"),
            score_short=short == "score",
        )

    def window_of(self, length: int, k: int) -> int:
        """Return the bases in each window of an item of `length` bases. Fewer than `k` bases have no token to score."""
        return length if self.score_short and k <= length < self.window else self.window


def _read_number(environment: Mapping[str, str], name: str, kind: type[Number], default: str | None = None) -> Number:
    text = environment.get(name, default)
    if text is None:
        raise ValueError(f"{name} is not set: the transform job's environment must define how windows are cut")
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}") from None


def window_starts(length: int, window: int, stride: int) -> np.ndarray:
    """Return the ascending starts of all windows of a sequence, int64; none if it is shorter than a window.

    They are 0, stride, 2 * stride, ... as long as a whole window fits. If these windows do not reach the end of the
    sequence, one more window ends there. With stride <= window every base is in a window.
    """
    if length < window:
        return np.empty(0, dtype=np.int64)
    last = length - window
    starts = np.arange(0, last + 1, stride, dtype=np.int64)
    return starts if starts[-1] == last else np.append(starts, last)


def other_counts(codes: np.ndarray, starts: np.ndarray, window: int) -> np.ndarray:
    """Return the number of bases other than A, C, G and T in each window."""
    before = np.concatenate(([0], np.cumsum(codes == OTHER)))
    return before[starts + window] - before[starts]


def scorable(codes: np.ndarray, starts: np.ndarray, window: int, max_n_fraction: float) -> np.ndarray:
    """Return True for each window whose share of other bases is at most `max_n_fraction`."""
    return other_counts(codes, starts, window) / window <= max_n_fraction


def on_other_strand(starts: np.ndarray, window: int, length: int) -> np.ndarray:
    """Return the starts of the same windows in the reverse complement of a sequence of `length` bases."""
    return length - window - starts


def rows_at(kmer_ids: np.ndarray, starts: np.ndarray, kmers: int) -> np.ndarray:
    """Return the ids of the windows at `starts`, (n, kmers), taken from the ids of the whole sequence."""
    return kmer_ids[starts[:, None] + np.arange(kmers)]
