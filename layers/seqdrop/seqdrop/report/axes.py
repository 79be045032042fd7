"""Axes of charts, which turn values into positions: 0 is the left or lower end of an axis, 1 the other end."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from seqdrop.report.numbers import short

if TYPE_CHECKING:
    from collections.abc import Iterable

Ticks = tuple[tuple[float, str], ...]
"""(value, label) of each tick."""


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, with `low` < `high`; if it is logarithmic (`log`), 0 < `low`."""

    low: float
    high: float
    ticks: Ticks
    unit: str = ""
    log: bool = False

    def at(self, value: float) -> float:
        """Return the position of a value, 0 to 1. Values outside the axis have the position of the nearer end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            return log10(value / self.low) / log10(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def from_zero(highest: float, unit: str = "", most: int = 5) -> Axis:
    """Return an axis from 0 to the first tick that is not below `highest`, with at most `most` steps."""
    step = _step(highest or 1, most)
    number = max(1, ceil(round((highest or 1) / step, 9)))
    return Axis(0, number * step, _label(step * index for index in range(number + 1)), unit)


def between(low: float, high: float, unit: str = "", most: int = 6) -> Axis:
    """Return an axis from `low` to `high`, at least 1 long.

    Ticks are at round whole numbers, and at `low` if it is 1.
    """
    high = max(high, low + 1)
    step = max(1, _step(high - low, most))
    rounds = [step * index for index in range(ceil(low / step), floor(high / step) + 1)]
    if low == 1:
        rounds = [low, *(value for value in rounds if value - low >= 0.5 * step)]
    return Axis(low, high, _label(rounds), unit)


def logarithmic(low: float, high: float, unit: str = "") -> Axis:
    """Return a logarithmic axis from the power of ten at or below `low` to `high`, but at least one power of ten long.

    `low` below 1 counts as 1. Ticks are at each power of ten; if there are few, also at 2 and 5 times each.
    """
    first = floor(log10(max(low, 1)))
    last = log10(max(high, 10 * max(low, 1)))
    digits = (1,) if last - first > 2.5 else (1, 2, 5)
    values = [digit * 10**power for power in range(first, ceil(last) + 1) for digit in digits]
    ticks = _label(value for value in values if value <= 10**last * 1.001)
    return Axis(10**first, 10**last, ticks, unit, log=True)


def _step(span: float, most: int) -> float:
    """Return the least round step that divides `span` into at most `most` steps.

    Round steps are 1, 2 and 5 times a power of ten, and 2.5 times one if that is a whole number from 25 on.
    """
    power: float = 10.0 ** floor(log10(span / most))
    for digit in (1, 2, 2.5, 5, 10):
        is_whole = digit != 2.5 or power >= 10
        if is_whole and span / (digit * power) <= most * 1.0001:
            return digit * power
    return 10 * power


def _label(values: Iterable[float]) -> Ticks:
    """Label values with three digits, or with all digits if three digits would make two labels equal."""
    known = list(values)
    labels = [short(value) for value in known]
    if len(set(labels)) < len(labels):
        labels = [f"{value:,.10g}" for value in known]
    return tuple(zip(known, labels, strict=True))
