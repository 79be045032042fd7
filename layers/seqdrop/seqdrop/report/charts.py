"""From values to places on a chart: 0 at its left or lower end, 1 at the other.

Lines and bars. The drawing is SVG that stretches with the page; the labels are text that does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from seqdrop.report.markup import node
from seqdrop.report.numbers import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from xml.etree.ElementTree import Element

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


SIDE = 1000  # of the drawing, in units of its own
HITS = 128  # places of a line that tell their values


@dataclass(frozen=True)
class Line:
    """`points` are (x, y), in order; a y of None is a gap. `look` is a class of style.css."""

    name: str
    look: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True)
class Bar:
    """From x `low` to `high`, `height` tall; `says` is told under the pointer."""

    low: float
    high: float
    height: float
    says: str


@dataclass(frozen=True)
class Band:
    """A stretch of the y axis with a tint."""

    low: float
    high: float
    look: str


def line_chart(x: Axis, y: Axis, lines: Sequence[Line], says: Iterable[tuple[float, str]], bands=()) -> Element:
    """`says` are (x, what is told there)."""
    drawing = [_band(y, band) for band in bands]
    drawing += _grid(y)
    drawing += [node("path", d=_path(x, y, line.points), class_=f"line {line.look}") for line in lines]
    drawing += _hits(x, list(says))
    return _plot(x, y, drawing)


def bar_chart(x: Axis, y: Axis, bars: Iterable[Bar]) -> Element:
    return _plot(x, y, [*_grid(y), *(_bar(x, y, one) for one in bars)])


def figure(title: str, note: str, *parts: Element, look: str = "") -> Element:
    """A chart with its heading."""
    return node("figure", node("figcaption", node("h3", title), node("p", note)), *parts, class_=look or None)


def legend(entries: Iterable[tuple[str, str]]) -> Element:
    """Of (class, name)."""
    keys = (node("li", node("i", class_=look), name) for look, name in entries)
    return node("ul", *keys, class_="legend")


def _plot(x: Axis, y: Axis, drawing: list[Element]) -> Element:
    svg = node("svg", *drawing, viewBox=f"0 0 {SIDE} {SIDE}", preserveAspectRatio="none", aria_hidden="true")
    across = [node("span", label, class_="x", style=f"left:{100 * x.at(value):.2f}%") for value, label in x.ticks]
    up = [node("span", label, class_="y", style=f"bottom:{100 * y.at(value):.2f}%") for value, label in y.ticks]
    names = [node("span", y.unit, class_="unit up"), node("span", x.unit, class_="unit across")]
    return node("div", names[0], node("div", svg, *up, *across, class_="plot"), names[1], class_="chart")


def _grid(y: Axis) -> list[Element]:
    heights = (_down(y.at(value)) for value, _ in y.ticks)
    return [node("path", d=f"M0 {height}H{SIDE}", class_="grid") for height in heights]


def _band(y: Axis, band: Band) -> Element:
    top, bottom = _down(y.at(band.high)), _down(y.at(band.low))
    return node("rect", x=0, y=top, width=SIDE, height=bottom - top, class_=f"band {band.look}")


def _bar(x: Axis, y: Axis, bar: Bar) -> Element:
    left, right = _across(x.at(bar.low)), _across(x.at(bar.high))
    tall = max(4, round(SIDE * y.at(bar.height))) if bar.height else 0  # what is there is seen
    told = node("title", bar.says)
    return node("rect", told, x=left, y=SIDE - tall, width=max(2, right - left), height=tall, class_="bar")


def _path(x: Axis, y: Axis, points: Sequence[tuple[float, float | None]]) -> str:
    steps, pen = [], "M"
    for place, value in points:
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{_across(x.at(place))} {_down(y.at(value))}")
        pen = "L"
    return "".join(steps)


def _hits(x: Axis, told: list[tuple[float, str]]) -> list[Element]:
    """Columns that cannot be seen; the browser shows their titles."""
    if not told:
        return []
    kept = told[:: -(-len(told) // HITS)]
    places = [_across(x.at(place)) for place, _ in kept]
    edges = [0, *((one + two) // 2 for one, two in pairwise(places)), SIDE]
    return [
        node("rect", node("title", text), x=left, y=0, width=right - left, height=SIDE, class_="hit")
        for (_, text), (left, right) in zip(kept, pairwise(edges), strict=True)
    ]


def _across(share: float) -> int:
    return round(SIDE * share)


def _down(share: float) -> int:
    return SIDE - round(SIDE * share)
