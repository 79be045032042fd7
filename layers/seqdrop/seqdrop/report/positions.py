"""The figures of a report by position in the read, as points of a chart.

Short reads have one point for each position. If reads are long, a point is the mean of a group of positions; groups
have the same width on the logarithmic axis.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import log10
from typing import TYPE_CHECKING, Literal

from seqdrop.report.axes import Axis, between, logarithmic
from seqdrop.report.numbers import count

if TYPE_CHECKING:
    from seqdrop.report.schema import Positions, Qc

Figure = Literal["A", "C", "G", "T", "N", "quality"]
Points = list[tuple[float, float | None]]
"""(position, value) pairs; the value is None if there was nothing to count."""

GROUPS_PER_TENFOLD = 32  # groups between a position and ten times that position
# If reads are long, positions that a smaller share of them reaches are not drawn: so few reads give random means.
LEAST_SHARE = 0.001


class ReadPositions:
    """The figures of a report by position. Positions count from 1."""

    def __init__(self, qc: Qc, positions: Positions) -> None:
        self._positions = positions
        self._bins = qc["bins"]
        self._exact = len(positions["quality"])  # the first positions, which have figures of their own
        self._lengths = [length for length, _ in qc["lengths"]]
        # For each length, the number of reads that have at least this length; then a 0.
        self._longer = list(accumulate((number for _, number in reversed(qc["lengths"])), initial=0))[::-1]
        self._last = self._last_drawn(qc["records"]) if self._bins else qc["longest"]
        self._is_long = self._last > self._exact
        self._groups = self._make_groups()

    @property
    def note(self) -> str:
        """A sentence for the captions of charts, with a leading space; "" if all reads are short."""
        if not self._bins:
            return ""
        return f" Drawn up to {count(self._last)} bp, which at least 1 in 1,000 reads reach."

    @property
    def axis(self) -> Axis:
        """The axis of the positions, logarithmic if reads are long."""
        if self._is_long:
            return logarithmic(1, self._last, "position in the read (bp, logarithmic)")
        return between(1, self._last, "position in the read (bp)", most=8)

    def points(self, figure: Figure) -> Points:
        """Return (middle position, mean of a figure) of each group, weighted by the reads that have each position."""
        return [((group[0] + group[-1]) / 2, self._mean(group, figure)) for group in self._groups]

    def label(self, position: float) -> str:
        """Return the name of a position for tooltips."""
        return f"position {count(round(position))}"

    def _count_reads(self, position: int) -> int:
        """Return the number of reads that have this position."""
        return self._longer[bisect_left(self._lengths, position)]

    def _last_drawn(self, records: int) -> int:
        long_enough = [length for length in self._lengths if self._count_reads(length) >= LEAST_SHARE * records]
        last = max(long_enough)
        return min(last, len(self._bins["quality"]) * self._bins["width"]) if self._bins else last

    def _mean(self, group: list[int], figure: Figure) -> float | None:
        pairs = [(self._value(position, figure), max(self._count_reads(position), 1)) for position in group]
        known = [(value, weight) for value, weight in pairs if value is not None]
        if not known:
            return None
        return sum(value * weight for value, weight in known) / sum(weight for _, weight in known)

    def _value(self, position: int, figure: Figure) -> float | None:
        if position <= self._exact or self._bins is None:
            return self._positions[figure][position - 1]
        values = self._bins[figure]
        return values[min((position - 1) // self._bins["width"], len(values) - 1)]

    def _make_groups(self) -> list[list[int]]:
        """Return groups of positions that are close together on the axis. The middle position represents a bin."""
        if not self._is_long or self._bins is None:
            return [[position] for position in range(1, self._last + 1)]
        width = self._bins["width"]
        middles = [first + width // 2 for first in range(self._exact + 1, self._last + 1, width)]
        groups: dict[int, list[int]] = {}
        exact = range(1, min(self._exact, self._last) + 1)
        for position in [*exact, *(middle for middle in middles if middle <= self._last)]:
            groups.setdefault(round(GROUPS_PER_TENFOLD * log10(position)), []).append(position)
        return list(groups.values())
