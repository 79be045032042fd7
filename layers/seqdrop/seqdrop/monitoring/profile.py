"""A profile: the histograms of a sample of sequences or predictions, each in blocks.

Neighbours resemble each other: overlapping k-mers, windows of one contig, reads of one tile. A test that took them for
independent would report drift between any two samples. So the counts are kept in BLOCKS blocks, and how much more these
differ than chance explains (`dispersion`) says how many independent observations a sample is worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from seqdrop.monitoring.features import DNA, PREDICTIONS, PROTEIN, Feature

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from seqdrop.reads.arrays import Int64Array

BLOCKS = 16
RUN = 8
"""Number of neighbours that are in one block before the next block follows."""


def feature_of(name: str, bins: int) -> Feature:
    """Return the feature of this name and number of bins. Raise ValueError if this version has no such feature."""
    for feature in (*DNA, *PROTEIN, *PREDICTIONS):
        if feature.name == name and len(feature.bins) == bins:
            return feature
    raise ValueError(f"the feature {name} with {bins} bins is of another version: make the baseline again")


def blocks_of(first: int, number: int) -> NDArray[np.int64]:
    """Return the blocks of this many consecutive observations, which are numbered from `first` on."""
    return np.arange(first, first + number) // RUN % BLOCKS


@dataclass
class Histogram:
    """The counts of one feature, an array of (BLOCKS, bins)."""

    feature: Feature
    counts: Int64Array

    @classmethod
    def empty(cls, feature: Feature) -> Histogram:
        """Return a histogram without observations."""
        return cls(feature, np.zeros((BLOCKS, len(feature.bins)), np.int64))

    def add(self, blocks: NDArray[np.int64], bins: NDArray[np.int64]) -> None:
        """Count observations: the block and the bin of each."""
        width = len(self.feature.bins)
        self.counts += np.bincount(blocks * width + bins, minlength=BLOCKS * width).reshape(BLOCKS, width)

    @property
    def bins(self) -> Int64Array:
        """The counts of all blocks together."""
        total: Int64Array = self.counts.sum(axis=0)
        return total

    @property
    def total(self) -> int:
        """The number of observations."""
        return int(self.counts.sum())

    @property
    def dispersion(self) -> float:
        """Variance between the blocks, as a multiple of what independent observations would show; at least 1."""
        counts = self.counts[self.counts.sum(axis=1) > 0][:, self.bins > 0].astype(float)
        rows, columns = counts.shape
        if rows < 2 or columns < 2:
            return 1.0
        expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
        squares = float(((counts - expected) ** 2 / expected).sum())
        return float(max(1.0, squares / ((rows - 1) * (columns - 1))))

    @property
    def weight(self) -> float:
        """The number of independent observations that this sample is worth."""
        return self.total / self.dispersion


@dataclass
class Profile:
    """Histograms by the name of their feature, and the number of pieces or rows that they were made from."""

    histograms: dict[str, Histogram] = field(default_factory=dict)
    observations: int = 0

    @classmethod
    def of(cls, features: Iterable[Feature]) -> Profile:
        """Return a profile of these features without observations."""
        return cls({feature.name: Histogram.empty(feature) for feature in features})

    def add(self, other: Profile) -> None:
        """Add the counts of another profile. Raise ValueError if a feature has other bins there."""
        self.observations += other.observations
        for name, histogram in other.histograms.items():
            own = self.histograms.setdefault(name, Histogram.empty(histogram.feature))
            if own.counts.shape != histogram.counts.shape:
                raise ValueError(
                    f"the feature {name} has {len(own.feature.bins)} and {len(histogram.feature.bins)} bins"
                )
            own.counts += histogram.counts

    def as_dict(self) -> dict[str, Any]:
        """Return the profile as JSON. It holds counts only, no sequence and no name."""
        counts = {name: histogram.counts.tolist() for name, histogram in self.histograms.items() if histogram.total}
        return {"observations": self.observations, "counts": counts}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Profile:
        """Return the profile of a stored JSON object. Raise ValueError if another version stored it."""
        histograms = {}
        for name, rows in content["counts"].items():
            counts = np.array(rows, np.int64)
            if counts.ndim != 2 or len(counts) != BLOCKS:
                raise ValueError(f"the counts of {name} are not in {BLOCKS} blocks: make the baseline again")
            histograms[name] = Histogram(feature_of(name, counts.shape[1]), counts)
        return cls(histograms, int(content["observations"]))
