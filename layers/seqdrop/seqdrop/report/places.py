"""The positions of a read on one axis: each for itself while they are few, in growing groups where reads are long."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import log10

from seqdrop.report.axes import Axis, between, logarithmic
from seqdrop.report.numbers import count

GROUPS_PER_TENFOLD = 32
SEEN = 0.001  # positions that fewer of the reads reach are left out where reads are long: their means are of chance


class Places:
    """Where the per-position figures of a report lie. Positions count from 1."""

    def __init__(self, qc: dict):
        self._positions, self._bins = qc["positions"], qc["bins"]
        self._lengths = [length for length, _ in qc["lengths"]]
        self._longer = list(accumulate((number for _, number in reversed(qc["lengths"])), initial=0))[::-1]
        self._last = self._seen(qc["records"]) if self._bins else qc["longest"]
        self._long = self._last > len(self._positions["quality"])
        self._groups = self._grouped() if self._long else [[place] for place in range(1, self._last + 1)]
        self.note = f" Drawn as far as 1 in 1,000 reads reaches ({count(self._last)} bp)." if self._bins else ""

    @property
    def axis(self) -> Axis:
        if self._long:
            return logarithmic(1, self._last, "position in the read (bp, logarithmic)")
        return between(1, self._last, "position in the read (bp)", most=8)

    def of(self, what: str) -> list[tuple[float, float | None]]:
        """(position, mean of `what` there) of each group, weighted by the reads that reach it."""
        return [((group[0] + group[-1]) / 2, self._mean(group, what)) for group in self._groups]

    def name(self, place: float) -> str:
        """As told under the pointer."""
        return f"position {count(round(place))}"

    def _reads(self, place: int) -> int:
        """How many reads have this position."""
        return self._longer[bisect_left(self._lengths, place)]

    def _seen(self, records: int) -> int:
        enough = [length for length in self._lengths if self._reads(length) >= SEEN * records]
        return min(max(enough), len(self._bins["quality"]) * self._bins["width"])

    def _mean(self, group: list[int], what: str) -> float | None:
        pairs = [(self._value(place, what), max(self._reads(place), 1)) for place in group]
        known = [(value, weight) for value, weight in pairs if value is not None]
        return sum(v * w for v, w in known) / sum(w for _, w in known) if known else None

    def _value(self, place: int, what: str) -> float | None:
        exact = self._positions[what]
        if place <= len(exact):
            return exact[place - 1]
        return self._bins[what][min((place - 1) // self._bins["width"], len(self._bins[what]) - 1)]

    def _grouped(self) -> list[list[int]]:
        """Positions that fall on one spot of a logarithmic axis; of a bin, its middle stands for all."""
        width, exact = self._bins["width"], len(self._positions["quality"])
        middles = [first + width // 2 for first in range(exact + 1, self._last + 1, width)]
        groups: dict[int, list[int]] = {}
        for place in [*range(1, min(exact, self._last) + 1), *(one for one in middles if one <= self._last)]:
            groups.setdefault(round(GROUPS_PER_TENFOLD * log10(place)), []).append(place)
        return list(groups.values())
