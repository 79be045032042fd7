"""Draw the widgets of a CloudWatch dashboard as SVG, from the points of metrics.

It has what the dashboard of template.yaml uses: texts, single values, curves (also stacked), a SEARCH by a dimension,
and states of alarms. The time is that of the points, whatever the periods of the widgets are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import floor, log10
from typing import Any
from xml.etree import ElementTree as ET

UNIT_X, UNIT_Y = 60, 40  # pixels of a dashboard's grid
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
FONT = "Helvetica, Arial, sans-serif"
GREY, TEXT = "#d5dbdb", "#16191f"
STATES = {"OK": "#2ca02c", "ALARM": "#d62728"}
LEGEND_ROW = 15
FEW = 12  # points of a curve, below which each is marked

Key = tuple[str, str, frozenset[tuple[str, str]]]
Points = Mapping[Key, Sequence[tuple[float, float]]]
Curve = tuple[str, Sequence[tuple[float, float]]]  # label and points


def draw(
    widgets: Sequence[dict[str, Any]], points: Points, span: tuple[float, float], states: Mapping[str, str]
) -> str:
    """Return the dashboard as SVG. `span` is its first and last second, and `states` are those of alarms."""
    width = max(it["x"] + it["width"] for it in widgets) * UNIT_X
    height = max(it["y"] + it["height"] for it in widgets) * UNIT_Y
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {width} {height}", width=str(width))
    ET.SubElement(root, "rect", width=str(width), height=str(height), fill="#f2f3f3")
    for widget in widgets:
        _Panel(root, widget).draw(points, span, states)
    return ET.tostring(root, encoding="unicode") + "\n"


class _Panel:
    """The place of a widget in the picture."""

    def __init__(self, root: ET.Element, widget: dict[str, Any]) -> None:
        self.widget, self.properties = widget, widget["properties"]
        self.width, self.height = widget["width"] * UNIT_X - 8, widget["height"] * UNIT_Y - 8
        place = f"translate({widget['x'] * UNIT_X + 4} {widget['y'] * UNIT_Y + 4})"
        self.group = ET.SubElement(root, "g", transform=place)
        box = {"width": str(self.width), "height": str(self.height), "fill": "white", "stroke": GREY}
        ET.SubElement(self.group, "rect", box)

    def draw(self, points: Points, span: tuple[float, float], states: Mapping[str, str]) -> None:
        if self.widget["type"] == "text":
            self._draw_text()
            return
        self.write(10, 20, self.properties["title"], 14, weight="bold")
        if self.widget["type"] == "alarm":
            self._draw_states(states)
            return
        curves = _curves(self.properties, points)
        if self.properties["view"] == "singleValue":
            self._draw_values(curves)
        else:
            self._draw_curves(curves, span)

    def write(self, x: float, y: float, text: str, size: int, anchor: str = "start", **more: str) -> None:
        place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "font-size": str(size), "text-anchor": anchor, "font-family": FONT}
        names = {"fill": TEXT, **{f"font-{name}": value for name, value in more.items()}}
        ET.SubElement(self.group, "text", place | names).text = text

    def line(self, x1: float, y1: float, x2: float, y2: float, colour: str = GREY, dash: str = "") -> None:
        ends = {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}", "stroke": colour}
        ET.SubElement(self.group, "line", ends | ({"stroke-dasharray": dash} if dash else {}))

    def _draw_text(self) -> None:
        title, _, body = self.properties["markdown"].partition("\n")
        self.write(10, 28, title.lstrip("# "), 20, weight="bold")
        self.write(10, 54, body.replace("`", ""), 13)

    def _draw_values(self, curves: Sequence[Curve]) -> None:
        step = self.width / len(curves)
        for place, (label, points) in enumerate(curves):
            x = step * (place + 0.5)
            self.write(x, 85, f"{points[-1][1]:,.4g}" if points else "--", 34, "middle")
            self.write(x, 115, label, 12, "middle")

    def _draw_states(self, states: Mapping[str, str]) -> None:
        names = [arn.rsplit(":", 1)[1] for arn in self.properties["alarms"]]
        columns = 5
        for place, name in enumerate(names):
            x, y = 10 + place % columns * (self.width / columns), 40 + place // columns * 26
            state = states.get(name, "INSUFFICIENT_DATA")
            box = {"x": f"{x:.0f}", "y": f"{y:.0f}", "width": "12", "height": "12"}
            ET.SubElement(self.group, "rect", box | {"fill": STATES.get(state, "#aab7b8")})
            self.write(x + 18, y + 11, re.sub(r"^\w+?-|-\w+$", "", name), 12)

    def _draw_curves(self, curves: Sequence[Curve], span: tuple[float, float]) -> None:
        shown = [curve for curve in curves if curve[1]]
        if not shown:
            self.write(self.width / 2, self.height / 2, "no data", 13, "middle")
            return
        is_stacked = bool(self.properties.get("stacked"))
        shown = _stack(shown) if is_stacked else shown
        rows = -(-len(shown) // 3)
        scale = _round_up(max([value for _, points in shown for _, value in points]) or 1.0)
        axes = _Axes(45, self.width - 12, 34, self.height - 26 - rows * LEGEND_ROW, span, scale)
        self._draw_axes(axes)
        for number, (label, points) in reversed(list(enumerate(shown))):
            colour = COLOURS[number % len(COLOURS)]
            self._draw_curve(axes, points, colour, is_filled=is_stacked)
            x, y = 14 + number % 3 * (self.width / 3), self.height - 8 - (rows - 1 - number // 3) * LEGEND_ROW
            ET.SubElement(self.group, "rect", x=f"{x:.0f}", y=f"{y - 9:.0f}", width="9", height="9", fill=colour)
            self.write(x + 14, y, label, 11)

    def _draw_axes(self, axes: _Axes) -> None:
        for share in (0, 0.5, 1):
            y = axes.y(share * axes.scale)
            self.line(axes.left, y, axes.right, y)
            self.write(axes.left - 5, y + 4, f"{share * axes.scale:,.4g}", 10, "end")
        for at, anchor in zip(axes.span, ("start", "end"), strict=True):
            self.write(axes.x(at), axes.bottom + 14, datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S"), 10, anchor)
        for limit in self.properties.get("annotations", {}).get("horizontal", []):
            if limit["value"] <= axes.scale:
                self.line(axes.left, axes.y(limit["value"]), axes.right, axes.y(limit["value"]), "#d62728", "4 3")

    def _draw_curve(self, axes: _Axes, points: Sequence[tuple[float, float]], colour: str, *, is_filled: bool) -> None:
        places = [(axes.x(at), axes.y(value)) for at, value in points]
        if is_filled:
            corners = [*places, (places[-1][0], axes.bottom), (places[0][0], axes.bottom)]
            ET.SubElement(self.group, "polygon", points=_format(corners), fill=colour)
        ET.SubElement(
            self.group, "polyline", {"points": _format(places), "fill": "none", "stroke": colour, "stroke-width": "1.8"}
        )
        for x, y in places if len(places) < FEW else ():
            ET.SubElement(self.group, "circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r="3", fill=colour)


@dataclass(frozen=True)
class _Axes:
    """The place of curves in a panel, the time that it spans, and the value at its top."""

    left: float
    right: float
    top: float
    bottom: float
    span: tuple[float, float]
    scale: float

    def x(self, at: float) -> float:
        share = min(max((at - self.span[0]) / (self.span[1] - self.span[0]), 0), 1)
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - value / self.scale * (self.bottom - self.top)


def _format(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _curves(properties: Mapping[str, Any], points: Points) -> list[Curve]:
    """Return a curve for each metric of a widget, and for each that a SEARCH finds."""
    curves: list[Curve] = []
    for entry in properties["metrics"]:
        if isinstance(entry[0], dict):
            curves += _search(entry[0]["expression"], points)
            continue
        namespace, name, *pairs = entry[:-1]
        key = (namespace, name, frozenset(zip(pairs[::2], pairs[1::2], strict=True)))
        curves.append((entry[-1]["label"], sorted(points.get(key, ()))))
    return curves


def _search(expression: str, points: Points) -> list[Curve]:
    """Return the metrics that a SEARCH for a name finds, each under its only dimension that the others lack."""
    match = re.search(r"\{(\w+),(\w+),[^}]*\} MetricName=\"(\w+)\"", expression)
    if match is None:
        return []
    namespace, dimension, name = match.groups()
    matching = {dict(key[2])[dimension]: it for key, it in points.items() if key[:2] == (namespace, name)}
    return [(label, sorted(it)) for label, it in sorted(matching.items())]


def _stack(curves: Sequence[Curve]) -> list[Curve]:
    """Return the curves each on top of those before it. All have a point at each look."""
    below: dict[float, float] = {}
    stacked: list[Curve] = []
    for label, points in curves:
        below = {at: below.get(at, 0.0) + value for at, value in points}
        stacked.append((label, sorted(below.items())))
    return stacked


def _round_up(value: float) -> float:
    """Return the next number of the form 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)
