"""Drift: whether a sample differs from its baseline by more than a limit, and by more than chance.

The distance of two distributions is the square root of their Jensen-Shannon divergence in bits (Lin, 1991). Two samples
of one distribution also have a distance. Their divergence then follows a chi-squared distribution, scaled by the
numbers of observations, since it is a quadratic form of the differences for small differences. A feature has drifted if
its distance exceeds the feature's limit, and its divergence exceeds what chance gives once in 1 / CHANCE comparisons.

Calls are rare, so their distance would be small even if they doubled. They are compared as a rate, on a log scale.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log, log2, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from seqdrop.monitoring.features import CALLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seqdrop.monitoring.profile import Histogram, Profile

CHANCE = 1e-6
LEAST = 100
"""A feature with fewer observations, in one of the two samples, is not compared."""
MOST_RATIO = 1.5
"""Calls per window may be this factor above or below those of the baseline."""
Z = NormalDist().inv_cdf(1 - CHANCE)


@dataclass(frozen=True)
class Comparison:
    """One feature beside its baseline. `distance` above `limit` and above `chance` is drift.

    For calls, `distance` and `limit` are the absolute logarithm, to the base 2, of the ratio of two rates.
    """

    feature: str
    title: str
    side: str
    distance: float
    limit: float
    chance: float
    before: float
    after: float
    has_drifted: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the object as JSON."""
        return asdict(self)


def compare(baseline: Profile, current: Profile) -> list[Comparison]:
    """Return a comparison for each feature that both profiles have enough observations of."""
    pairs = [
        (histogram, current.histograms[name])
        for name, histogram in baseline.histograms.items()
        if name in current.histograms
    ]
    enough = [pair for pair in pairs if min(pair[0].total, pair[1].total) >= LEAST]
    return [(_compare_calls if old.feature is CALLS else _compare)(old, new) for old, new in enough]


def divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Return the Jensen-Shannon divergence of two distributions in bits, 0 to 1."""
    middle = (p + q) / 2
    return float(max(0.0, _entropy(middle) - (_entropy(p) + _entropy(q)) / 2))


def _entropy(p: NDArray[np.float64]) -> float:
    positive = p[p > 0]
    return float(-(positive * np.log2(positive)).sum())


def chi_squared_quantile(degrees: int, z: float = Z) -> float:
    """Return the quantile of the chi-squared distribution at the normal quantile z (Wilson and Hilferty, 1931)."""
    spread = 2 / (9 * degrees)
    return float(degrees * (1 - spread + z * sqrt(spread)) ** 3)


def _compare(old: Histogram, new: Histogram) -> Comparison:
    p, q = old.bins / old.total, new.bins / new.total
    degrees = max(1, int(((old.bins + new.bins) > 0).sum()) - 1)
    chance = chi_squared_quantile(degrees) * (1 / old.weight + 1 / new.weight) / (8 * log(2))
    own = divergence(p, q)
    places = np.arange(len(p))
    return Comparison(
        old.feature.name,
        old.feature.title,
        old.feature.side,
        round(sqrt(own), 4),
        old.feature.limit,
        round(sqrt(min(chance, 1.0)), 4),
        round(float((places * p).sum()), 4),
        round(float((places * q).sum()), 4),
        sqrt(own) > old.feature.limit and own > chance,
    )


def _compare_calls(old: Histogram, new: Histogram) -> Comparison:
    """Compare the share of called windows. Half a call is added to each, so that none at all has a ratio, too."""
    calls = [histogram.bins[1] + 0.5 for histogram in (old, new)]
    before, after = (called / (histogram.total + 1) for called, histogram in zip(calls, (old, new), strict=True))
    spread = sqrt(old.dispersion / calls[0] + new.dispersion / calls[1])
    distance, chance = abs(log2(after / before)), Z * spread / log(2)
    return Comparison(
        CALLS.name,
        CALLS.title,
        CALLS.side,
        round(distance, 4),
        round(log2(MOST_RATIO), 4),
        round(chance, 4),
        round(before, 6),
        round(after, 6),
        distance > max(log2(MOST_RATIO), chance),
    )
