"""Lines and bars. The drawing is SVG that stretches with the page; the labels are text that does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree.ElementTree import Element

from seqdrop.report.axes import Axis
from seqdrop.report.markup import node

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
