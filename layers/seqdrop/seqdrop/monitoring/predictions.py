"""Profiles of predictions, from the JSON Lines files of results, whatever the kind of analysis.

A line with `probability` is a window with a score, and `call` if the kind calls; of candidates for a masked interval
only the likeliest counts (`rank` 1). A line with `ss` is a protein: its states, and the mean probability of the
predicted state as its score. Lines with an error, and windows that were not scored, count as nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seqdrop.monitoring.features import PREDICTIONS, SCORE, SCORE_EDGES, STATES
from seqdrop.monitoring.profile import Profile, blocks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BATCH = 8192
SURE = 1e-9
"""Probabilities are kept this far from 0 and 1, whose logits are infinite."""


class PredictionProfiler:
    """Counts rows of results. `finish` returns their profile."""

    def __init__(self) -> None:
        self._profile = Profile.of(PREDICTIONS)
        self._scores: list[float] = []
        self._calls: list[bool] = []
        self._states = ""
        self._seen = {"scores": 0, "calls": 0, "states": 0}

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        if "ss" in row:
            self._add_protein(row)
        elif "probability" in row and row.get("rank", 1) == 1:
            self._scores.append(row["probability"])
            if "call" in row:
                self._calls.append(row["call"])
        else:
            return
        self._profile.observations += 1
        if len(self._scores) >= BATCH or len(self._states) >= BATCH:
            self._count()

    def finish(self) -> Profile:
        """Return the profile of all rows so far."""
        self._count()
        return self._profile

    def _add_protein(self, row: Mapping[str, Any]) -> None:
        probabilities: Sequence[Sequence[float]] = [row[f"p{state}"] for state in STATES]
        if row["ss"]:
            self._scores.append(float(np.max(probabilities, axis=0).mean()))
            self._states += row["ss"]

    def _count(self) -> None:
        """Count what waits."""
        histograms, profile_names = self._profile.histograms, ("score", "calls", "states")
        values = (score_bins(self._scores), np.array(self._calls, np.int64), state_bins(self._states))
        for name, kind, bins in zip(profile_names, self._seen, values, strict=True):
            histograms[name].add(blocks_of(self._seen[kind], len(bins)), bins)
            self._seen[kind] += len(bins)
        self._scores, self._calls, self._states = [], [], ""


def score_bins(scores: Sequence[float]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the bin of each probability in the histogram of scores."""
    clipped = np.clip(np.array(scores, float), SURE, 1 - SURE)
    bins = np.searchsorted(SCORE_EDGES, np.log(clipped / (1 - clipped)), side="right")
    limited: np.ndarray[Any, np.dtype[np.int64]] = np.minimum(bins, len(SCORE.bins) - 1).astype(np.int64)
    return limited


def state_bins(states: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the bin of each predicted state of residues."""
    bins: np.ndarray[Any, np.dtype[np.int64]] = np.array([STATES.index(state) for state in states], np.int64)
    return bins
