"""From values to places on a chart: 0 at its left or lower end, 1 at the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log10

from seqdrop.report.numbers import short

Ticks = tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Axis:
    """From `low` to `high`, which differ; `ticks` are (value, label). A logarithmic one starts above 0."""

    low: float
    high: float
    ticks: Ticks
    unit: str = ""
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies, moved to the nearer end if it is outside."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def from_zero(highest: float, unit: str = "", most: int = 5) -> Axis:
    """From 0 to the first tick from `highest` on."""
    step = _step(highest or 1, most)
    number = max(1, ceil(round((highest or 1) / step, 9)))
    return Axis(0, number * step, _labelled(step * one for one in range(number + 1)), unit)


def between(low: float, high: float, unit: str = "", most: int = 6) -> Axis:
    """Exactly from `low` to `high`, with ticks at `low` (if it is 1) and where round whole numbers are."""
    high = max(high, low + 1)
    step = max(1, _step(high - low, most))
    rounds = [step * one for one in range(ceil(low / step), floor(high / step) + 1)]
    first = [low] if low == 1 else []
    clear = [one for one in rounds if not first or one - low >= 0.5 * step]
    return Axis(low, high, _labelled([*first, *clear]), unit)


def logarithmic(low: float, high: float, unit: str = "") -> Axis:
    """From the power of ten below `low` (1 at the least) to `high`; a tick at each power, and between where few are."""
    first, last = floor(log10(max(low, 1))), log10(max(high, 10 * max(low, 1)))
    between_them = (1,) if last - first > 2.5 else (1, 2, 5)
    found = [digit * 10**power for power in range(first, ceil(last) + 1) for digit in between_them]
    return Axis(10**first, 10**last, _labelled(one for one in found if one <= 10**last * 1.001), unit, log=True)


def _step(span: float, most: int) -> float:
    """The least of 1, 2, 5 (and 25, 250, …) times a power of ten that makes no more than `most` steps."""
    power = 10 ** floor(log10(span / most))
    for digit in (1, 2, 2.5, 5, 10):
        whole = digit != 2.5 or power >= 10
        if whole and span / (digit * power) <= most * 1.0001:
            return digit * power
    return 10 * power


def _labelled(values: Iterable[float]) -> Ticks:
    """In three digits, or in all of them where three would not tell the ticks apart."""
    known = list(values)
    labels = [short(value) for value in known]
    if len(set(labels)) < len(labels):
        labels = [f"{value:,.10g}" for value in known]
    return tuple(zip(known, labels, strict=True))
