"""The distribution of probabilities: their mean, and quantiles to a ten-thousandth, in memory of a fixed size."""

from __future__ import annotations

from itertools import accumulate

BINS = 10_000
QUANTILES = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


class Distribution:
    """Counts of probabilities (0 to 1), each rounded down to a multiple of 1 / BINS."""

    def __init__(self) -> None:
        self._bins = [0] * (BINS + 1)
        self._sum = 0.0

    def add(self, probability: float) -> None:
        """Count a probability."""
        self._bins[int(probability * BINS)] += 1
        self._sum += probability

    def as_dict(self) -> dict[str, float] | None:
        """Return the mean and the quantiles; None if nothing was counted.

        A quantile is the least multiple of 1 / BINS at or below which, rounded down, that share of probabilities lies.
        """
        count = sum(self._bins)
        if not count:
            return None
        reached = list(accumulate(self._bins))
        quantiles = {name: self._find(reached, share * count) for name, share in QUANTILES.items()}
        return {"mean": round(self._sum / count, 6), **quantiles}

    def _find(self, reached: list[int], wanted: float) -> float:
        return next(number for number, total in enumerate(reached) if total >= wanted) / BINS
