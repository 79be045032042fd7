"""Render a monitoring report as a page: one HTML file that loads nothing and runs no script."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Any

from seqdrop.monitoring.features import CALLS, GC, LENGTH, SCORE, SCORE_EDGES
from seqdrop.report.axes import Axis, between, from_zero, logarithmic
from seqdrop.report.charts import Line, draw_lines, make_figure, make_legend
from seqdrop.report.markup import document, node
from seqdrop.report.numbers import count, decimal, percent
from seqdrop.report.page import make_head

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

LOOKS = ("base-C", "base-T", "base-A", "base-G", "base-N")
BEFORE, AFTER = ("base-N", "baseline"), ("base-C", "now")
MOST_DRAWN = 120  # points of the history
METRICS = {"mcc": "MCC", "q3": "Q3", "accuracy": "accuracy", "f1": "F1"}


def render_page(report: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    """Return the HTML page of a report (`stages.monitor.assessment`). `history` ends with the point of this report."""
    name = f"{report['analysis']}, {report['stream']}"
    sections = [
        node("section", node("h2", "Figures"), _make_tiles(report)),
        node("section", *_draw_features(report), class_="pictures"),
        node("section", node("h2", "Over time"), node("div", *_draw_history(history), class_="pictures")),
    ]
    body = node("body", node("main", _make_header(report, name), *sections, node("footer", node("p", FOOTER))))
    return document(node("html", make_head(f"Monitoring of {name}"), body, lang="en"))


FOOTER = (
    "A distance is the square root of the Jensen-Shannon divergence in bits: 0 for the same distribution, 1 for "
    "distributions that have nothing in common; for calls, the logarithm to the base 2 of the ratio of both rates. A "
    "feature has drifted if its distance is above its limit and above what chance gives once in a million comparisons. "
    "The same report for programs: report.json beside this page."
)


def _make_header(report: Mapping[str, Any], name: str) -> Element:
    look, word, detail = verdict(report)
    facts = {
        "Model": report["model"],
        "SHA-256": report["digest"],
        "From": report["since"],
        "Until": report["until"],
        "Uploads": count(report["uploads"]),
        "Inputs compared with": report["baseline"]["inputs"],
        "Predictions compared with": report["baseline"]["predictions"],
    }
    pairs = (node("div", node("dt", term), node("dd", value)) for term, value in facts.items() if value)
    badge = node("div", node("strong", word, class_="badge"), node("span", detail), class_=f"verdict {look}")
    brand = node("p", "Seqdrop monitoring", class_="brand")
    return node("header", brand, node("h1", name), badge, node("dl", *pairs, class_="facts"))


def verdict(report: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return (class of style.css, the verdict in one word, the reason)."""
    titles = {entry["feature"]: entry["title"].lower() for entry in report["comparisons"]}
    if report["drifted"] or report["dropped"]:
        reasons = [titles[name] for name in report["drifted"]]
        reasons += [f"quality of {len(report['dropped'])} uploads is lower than before"] * bool(report["dropped"])
        return "invalid", "Drift" if report["drifted"] else "Quality", "; ".join(reasons)
    if report["unusable"]:
        return "warned", "Check", "; ".join(report["unusable"])
    if not report["comparisons"]:
        return "warned", "Gathering", "there is no baseline yet, or there were too few results to compare"
    return "valid", "Stable", f"{len(report['comparisons'])} features are as in the baseline"


def _make_tiles(report: Mapping[str, Any]) -> Element:
    boxes = [
        node(
            "div",
            node("dt", entry["title"]),
            node("dd", decimal(entry["distance"], 3)),
            node("dd", f"limit {decimal(entry['limit'], 3)}; chance {decimal(entry['chance'], 3)}", class_="note"),
        )
        for entry in report["comparisons"]
    ]
    boxes += [
        node(
            "div",
            node("dt", METRICS[entry["metric"]]),
            node("dd", decimal(entry["figure"], 3)),
            node("dd", f"upload {entry['upload']}: {count(entry['labels'])} labels{_details(entry)}", class_="note"),
        )
        for entry in report["quality"]
    ]
    return node("dl", *boxes, class_="tiles")


def _details(entry: Mapping[str, Any]) -> str:
    shown = {METRICS[name]: entry["details"][name] for name in ("accuracy", "f1") if name in entry["details"]}
    return "".join(f", {name} {decimal(value, 3)}" for name, value in shown.items())


def _draw_features(report: Mapping[str, Any]) -> Iterator[Element]:
    """Yield a chart for each feature whose bins have an order; of the others, the tiles say how far they are off."""
    axes = {LENGTH.name: LENGTH, GC.name: GC, SCORE.name: SCORE}
    for name, feature in axes.items():
        if name in report["bins"]:
            yield _draw_histogram(feature.title, name, report["bins"][name])
    if bins := report["bins"].get(CALLS.name):
        shares = {when: counts[1] / sum(counts) for when, counts in bins.items() if counts and sum(counts)}
        text = "; ".join(f"{when}: {percent(share, 3)}" for when, share in shares.items())
        yield make_figure(
            "Called windows", "Share of scored windows.", node("p", node("strong", text)), look="statement"
        )


def _draw_histogram(title: str, name: str, bins: Mapping[str, list[int]]) -> Element:
    series = [(look, label, counts) for (look, label), counts in zip((BEFORE, AFTER), _ordered(bins), strict=True)]
    shown = [entry for entry in series if entry[2]]
    used = [place for _, _, counts in shown for place, number in enumerate(counts) if number]
    first = max(0, min(used) - 1)  # with an empty bin at each side, so that a single one is a peak
    last = min(len(shown[0][2]), max(used) + 2)
    x, places = _axis(name, first, last)
    lines = [Line(label, look, _in_percent(places, counts, first)) for look, label, counts in shown]
    top = max(value for line in lines for _, value in line.points if value is not None)
    legend = make_legend((line.look, line.name) for line in lines)
    return make_figure(title, "Share of each bin.", legend, draw_lines(x, from_zero(top, "%"), lines, []))


def _in_percent(places: Sequence[float], counts: Sequence[int], first: int) -> list[tuple[float, float | None]]:
    """Return the points of a histogram from its bin `first` on, as shares of all counts."""
    return [(place, 100 * counts[first + number] / sum(counts)) for number, place in enumerate(places)]


def _ordered(bins: Mapping[str, list[int]]) -> tuple[list[int], list[int]]:
    return bins["before"], bins["after"]


def _axis(name: str, first: int, last: int) -> tuple[Axis, list[float]]:
    """Return the axis of a histogram, and the place of each bin on it."""
    bins = range(first, last)
    if name == LENGTH.name:
        lengths = [2 ** (number / 4) for number in bins]
        return logarithmic(lengths[0], max(lengths[-1], lengths[0] * 10), "length (logarithmic)"), lengths
    if name == GC.name:
        return between(0, 100, "% G and C"), [100 * (number + 0.5) / len(GC.bins) for number in bins]
    step = SCORE_EDGES[1] - SCORE_EDGES[0]
    low = SCORE_EDGES[0] - step
    ticks = tuple((logit, f"{1 / (1 + exp(-logit)):.3g}") for logit in (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0))
    return Axis(low, -low, ticks, "score"), [low + step * (number + 0.5) for number in bins]


def _draw_history(history: Sequence[Mapping[str, Any]]) -> Iterator[Element]:
    """Yield the distances of all features, and the quality, by report."""
    points = history[-MOST_DRAWN:]
    names = sorted({name for point in points for name in point["distances"]})
    if distances := _distance_lines(points, [name for name in names if name != CALLS.name]):
        yield _draw_series("Distance from the baseline", points, distances)
    if calls := _distance_lines(points, [name for name in names if name == CALLS.name]):
        yield _draw_series("Calls: how often the rate has doubled or halved", points, calls)
    metrics = sorted({entry["metric"] for point in points for entry in point["quality"]})
    for metric in metrics:
        keys = [metric] if metric == "q3" else ["mcc", "f1", "accuracy"]
        lines = [
            Line(METRICS[key], look, [(number, _mean(point, key)) for number, point in enumerate(points, 1)])
            for key, look in zip(keys, LOOKS, strict=False)
        ]
        yield _draw_series("Quality against the truth", points, [_bridge(line) for line in lines])


def _distance_lines(points: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Line]:
    return [
        Line(name, look, [(number, point["distances"].get(name)) for number, point in enumerate(points, 1)])
        for name, look in zip(names, (*LOOKS, *LOOKS), strict=False)
    ]


def _bridge(line: Line) -> Line:
    """Return a line without gaps, which reports without a truth file would leave."""
    return Line(line.name, line.look, [(place, value) for place, value in line.points if value is not None])


def _mean(point: Mapping[str, Any], key: str) -> float | None:
    values = [entry["details"][key] for entry in point["quality"] if key in entry["details"]]
    return sum(values) / len(values) if values else None


def _draw_series(title: str, points: Sequence[Mapping[str, Any]], lines: Sequence[Line]) -> Element:
    values = [value for line in lines for _, value in line.points if value is not None]
    tooltips = [(number, _tooltip(number, point["date"], lines)) for number, point in enumerate(points, 1)]
    x = between(1, max(len(points), 2), "report")
    chart = draw_lines(x, from_zero(max([*values, 0.1])), _as_steps(lines), tooltips)
    legend = make_legend((line.look, line.name) for line in lines)
    note = f"{points[0]['date']} to {points[-1]['date']}"
    return make_figure(title, note, legend, chart, look="wide")


def _tooltip(number: int, date: str, lines: Sequence[Line]) -> str:
    values = ((line.name, dict(line.points).get(number)) for line in lines)
    return ", ".join([date, *(f"{name} {value:.3f}" for name, value in values if value is not None)])


def _as_steps(lines: Sequence[Line]) -> list[Line]:
    """Return lines; a single point is drawn as a short line, since a point has no extent."""
    return [
        Line(line.name, line.look, [*line.points, (line.points[-1][0] + 0.05, line.points[-1][1])])
        if len(line.points) == 1
        else line
        for line in lines
    ]
