"""Where the windows of a stretch lie, and which of them can be scored.

Positions are 0-based and half-open. Inside this module they count from the start of the stretch; `start` of
the work item is added when the answer is written. On both strands a window has its forward coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from tokens import OTHER

if TYPE_CHECKING:
    from collections.abc import Mapping

STRANDS = {"+": ("+",), "+-": ("+", "-")}


@dataclass(frozen=True)
class WindowSettings:
    """How a job cuts windows; the same for all of its lines."""

    window: int
    """Bases in a window."""
    stride: int
    """Bases from one window's start to the next."""
    strands: tuple[str, ...]
    """Strands scored of each window, "+" first."""
    max_n_fraction: float = 0.1
    """A window with a larger share of letters other than A, C, G, T is not scored."""
    score_short: bool = False
    """Whether a stretch shorter than a window is one window of its own length; else it is not scored."""

    def __post_init__(self) -> None:
        if self.window < 1 or self.stride < 1:
            raise ValueError("SEQDROP_WINDOW and SEQDROP_STRIDE must be at least 1")
        if not 0 <= self.max_n_fraction <= 1:
            raise ValueError("SEQDROP_MAX_N_FRACTION must lie between 0 and 1")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> WindowSettings:
        """The job's settings; ValueError names the variable that is absent or makes no sense."""
        strands = environment.get("SEQDROP_STRANDS", "+")
        if strands not in STRANDS:
            raise ValueError('SEQDROP_STRANDS must be "+" or "+-"')
        short = environment.get("SEQDROP_SHORT", "skip")
        if short not in ("skip", "score"):
            raise ValueError('SEQDROP_SHORT must be "skip" or "score"')
        return cls(
            window=_number(environment, "SEQDROP_WINDOW", int),
            stride=_number(environment, "SEQDROP_STRIDE", int),
            strands=STRANDS[strands],
            max_n_fraction=_number(environment, "SEQDROP_MAX_N_FRACTION", float, "0.1"),
            score_short=short == "score",
        )

    def window_of(self, length: int, k: int) -> int:
        """Bases in each window of a stretch of `length` bases; below `k` there is no token to score."""
        return length if self.score_short and k <= length < self.window else self.window


def _number(environment: Mapping[str, str], name: str, kind: type, default: str | None = None):
    text = environment.get(name, default)
    if text is None:
        raise ValueError(f"{name} is not set: the transform job's environment must say how windows are cut")
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{name} must be a number, not {text!r}") from None


def window_starts(length: int, window: int, stride: int) -> np.ndarray:
    """Ascending starts of all windows of a stretch; none if it is shorter than a window.

    0, stride, 2 * stride, ... as far as a whole window fits, and one more that ends flush with the stretch
    where those leave a tail. With stride <= window every base lies in a window.
    """
    if length < window:
        return np.empty(0, dtype=np.int64)
    last = length - window
    starts = np.arange(0, last + 1, stride, dtype=np.int64)
    return starts if starts[-1] == last else np.append(starts, last)


def other_counts(codes: np.ndarray, starts: np.ndarray, window: int) -> np.ndarray:
    """Letters other than A, C, G, T in each window."""
    before = np.concatenate(([0], np.cumsum(codes == OTHER)))
    return before[starts + window] - before[starts]


def scorable(codes: np.ndarray, starts: np.ndarray, window: int, max_n_fraction: float) -> np.ndarray:
    """True for each window whose share of other letters is no more than `max_n_fraction`."""
    return other_counts(codes, starts, window) / window <= max_n_fraction


def on_other_strand(starts: np.ndarray, window: int, length: int) -> np.ndarray:
    """Starts of the same windows in the reverse complement of the stretch."""
    return length - window - starts


def rows_at(kmer_ids: np.ndarray, starts: np.ndarray, kmers: int) -> np.ndarray:
    """(n, kmers) ids of the windows at `starts`, cut from the ids of the whole stretch."""
    return kmer_ids[starts[:, None] + np.arange(kmers)]
