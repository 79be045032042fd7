"""Line and bar charts. The drawing is SVG, which is scaled with the page; labels are HTML text, which is not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from seqdrop.report.markup import node

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from xml.etree.ElementTree import Element

    from seqdrop.report.axes import Axis

SIDE = 1000  # width and height of a drawing in SVG units
MAX_TOOLTIPS = 128  # of a line chart


@dataclass(frozen=True)
class Line:
    """A line through `points` (x, y), ordered by x; a y of None is a gap. `look` is a class of style.css."""

    name: str
    look: str
    points: Sequence[tuple[float, float | None]]


@dataclass(frozen=True)
class Bar:
    """A bar from x `low` to `high`; the browser shows `tooltip` under the pointer."""

    low: float
    high: float
    height: float
    tooltip: str


@dataclass(frozen=True)
class Band:
    """A tinted band of the chart between two values of the y axis. `look` is a class of style.css."""

    low: float
    high: float
    look: str


def draw_lines(
    x: Axis, y: Axis, lines: Sequence[Line], tooltips: Sequence[tuple[float, str]], bands: Iterable[Band] = ()
) -> Element:
    """Return a line chart. `tooltips` are (x, text), ordered by x; at most MAX_TOOLTIPS of them are used."""
    drawing = [_draw_band(y, band) for band in bands]
    drawing += _draw_grid(y)
    drawing += [node("path", d=_path(x, y, line.points), class_=f"line {line.look}") for line in lines]
    drawing += _draw_tooltips(x, tooltips)
    return _plot(x, y, drawing)


def draw_bars(x: Axis, y: Axis, bars: Iterable[Bar]) -> Element:
    """Return a bar chart."""
    return _plot(x, y, [*_draw_grid(y), *(_draw_bar(x, y, bar) for bar in bars)])


def make_figure(title: str, note: str, *parts: Element, look: str = "") -> Element:
    """Return a figure: a heading, a note below it, and `parts`. `look` is a class of style.css."""
    return node("figure", node("figcaption", node("h3", title), node("p", note)), *parts, class_=look or None)


def make_legend(entries: Iterable[tuple[str, str]]) -> Element:
    """Return a legend of (class of style.css, name) entries."""
    keys = (node("li", node("i", class_=look), name) for look, name in entries)
    return node("ul", *keys, class_="legend")


def _plot(x: Axis, y: Axis, drawing: list[Element]) -> Element:
    svg = node("svg", *drawing, viewBox=f"0 0 {SIDE} {SIDE}", preserveAspectRatio="none", aria_hidden="true")
    across = [node("span", label, class_="x", style=f"left:{100 * x.at(value):.2f}%") for value, label in x.ticks]
    up = [node("span", label, class_="y", style=f"bottom:{100 * y.at(value):.2f}%") for value, label in y.ticks]
    plot = node("div", svg, *up, *across, class_="plot")
    y_unit = node("span", y.unit, class_="unit up")
    x_unit = node("span", x.unit, class_="unit across")
    return node("div", y_unit, plot, x_unit, class_="chart")


def _draw_grid(y: Axis) -> list[Element]:
    heights = (_down(y.at(value)) for value, _ in y.ticks)
    return [node("path", d=f"M0 {height}H{SIDE}", class_="grid") for height in heights]


def _draw_band(y: Axis, band: Band) -> Element:
    top, bottom = _down(y.at(band.high)), _down(y.at(band.low))
    return node("rect", x=0, y=top, width=SIDE, height=bottom - top, class_=f"band {band.look}")


def _draw_bar(x: Axis, y: Axis, bar: Bar) -> Element:
    left, right = _across(x.at(bar.low)), _across(x.at(bar.high))
    height = max(4, round(SIDE * y.at(bar.height))) if bar.height else 0  # a bar that is not 0 is always visible
    title = node("title", bar.tooltip)
    return node("rect", title, x=left, y=SIDE - height, width=max(2, right - left), height=height, class_="bar")


def _path(x: Axis, y: Axis, points: Sequence[tuple[float, float | None]]) -> str:
    steps = []
    pen = "M"
    for place, value in points:
        if value is None:
            pen = "M"
            continue
        steps.append(f"{pen}{_across(x.at(place))} {_down(y.at(value))}")
        pen = "L"
    return "".join(steps)


def _draw_tooltips(x: Axis, tooltips: Sequence[tuple[float, str]]) -> list[Element]:
    """Return invisible columns; the browser shows the title of a column under the pointer."""
    if not tooltips:
        return []
    kept = tooltips[:: -(-len(tooltips) // MAX_TOOLTIPS)]
    places = [_across(x.at(place)) for place, _ in kept]
    edges = [0, *((left + right) // 2 for left, right in pairwise(places)), SIDE]
    return [
        node("rect", node("title", text), x=left, y=0, width=right - left, height=SIDE, class_="hit")
        for (_, text), (left, right) in zip(kept, pairwise(edges), strict=True)
    ]


def _across(position: float) -> int:
    return round(SIDE * position)


def _down(position: float) -> int:
    return SIDE - round(SIDE * position)
