"""Draw the charts of a report from its figures (reads/qc.schema.json)."""

from __future__ import annotations

from bisect import bisect_left
from math import log10
from typing import TYPE_CHECKING, Literal

from seqdrop.report.axes import Axis, between, from_zero, logarithmic
from seqdrop.report.charts import Band, Bar, Line, draw_bars, draw_lines, make_figure, make_legend
from seqdrop.report.markup import node
from seqdrop.report.numbers import count, percent, short
from seqdrop.report.positions import ReadPositions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from seqdrop.report.positions import Points
    from seqdrop.report.schema import BaseCounts, Pairs, Qc

BASES: tuple[Literal["A", "C", "G", "T", "N"], ...] = ("A", "C", "G", "T", "N")
RESIDUES = "aa"  # the unit of a protein's length
MOST_BARS = 40
WIDE_SPREAD = 20  # the axis of lengths is logarithmic if the longest read is more than this times the shortest


def draw_pictures(qc: Qc, noun: str) -> Iterator[Element]:
    """Yield a chart for each kind of figures that the file has. `noun` is the plural noun for its records."""
    positions = ReadPositions(qc, qc["positions"]) if qc["positions"] and qc["bases"] else None
    if positions:
        yield _draw_quality(positions)
        yield _draw_content(positions)
    if qc["read_quality"]:
        yield _draw_read_quality(qc["read_quality"], noun)
    if from_errors := qc.get("read_quality_from_errors"):
        yield _draw_read_quality(from_errors, noun, "mean quality from errors")
    if qc["records"]:
        yield _draw_lengths(qc, noun)
    if positions:
        yield _draw_gc(positions, qc["gc_fraction"])
    if qc["bases"]:
        yield from _draw_totals(qc)


def _draw_totals(qc: Qc) -> Iterator[Element]:
    residues = qc.get("residue_counts")
    if residues is not None:
        yield _draw_residues(residues, qc["bases"])
    elif qc["base_counts"] is not None:
        yield _draw_composition(qc, qc["base_counts"])


def unit_of(qc: Qc) -> str:
    """Return the unit of lengths: bp, or RESIDUES for proteins.

    Reports that earlier versions stored have no residue counts.
    """
    return "bp" if qc.get("residue_counts") is None else RESIDUES


def _draw_quality(positions: ReadPositions) -> Element:
    points = positions.points("quality")
    top = max([40, *(value for _, value in points if value is not None)])
    y = from_zero(top, "Phred score", most=5)
    bands = (Band(0, 20, "low"), Band(20, 30, "fair"), Band(30, y.high, "good"))
    tooltips = [(x, f"{positions.label(x)}: Q {value:.1f}") for x, value in points if value is not None]
    chart = draw_lines(positions.axis, y, [Line("quality", "quality", points)], tooltips, bands)
    note = f"The tinted bands are the scores below Q20 and from Q20 to Q30.{positions.note}"
    return make_figure("Mean quality per position", note, chart, look="wide")


def _draw_content(positions: ReadPositions) -> Element:
    lines = [Line(base, f"base-{base}", _in_percent(positions.points(base))) for base in BASES]
    top = max((value for line in lines for _, value in line.points if value is not None), default=0)
    tooltips = []
    for index, (x, value) in enumerate(lines[0].points):
        if value is not None:
            shares = ", ".join(f"{line.name} {line.points[index][1]:.1f} %" for line in lines)
            tooltips.append((x, f"{positions.label(x)}: {shares}"))
    chart = draw_lines(positions.axis, from_zero(min(100, max(50, top)), "% of bases"), lines, tooltips)
    legend = make_legend((f"base-{base}", base) for base in BASES)
    note = f"The share of each base.{positions.note}"
    return make_figure("Bases per position", note, legend, chart, look="wide")


def _draw_gc(positions: ReadPositions, overall: float | None) -> Element:
    pairs = zip(positions.points("G"), positions.points("C"), strict=True)
    points = [(x, None if g is None or c is None else 100 * (g + c)) for (x, g), (_, c) in pairs]
    mean = 100 * (overall or 0)
    axis = positions.axis
    flat: Points = [(axis.low, mean), (axis.high, mean)]
    tooltips = [(x, f"{positions.label(x)}: {value:.1f} % G and C") for x, value in points if value is not None]
    lines = [Line("GC", "gc", points), Line("mean", "mean", flat)]
    chart = draw_lines(axis, from_zero(100, "% G and C"), lines, tooltips)
    return make_figure("GC per position", f"Dashed line: {percent(overall)}, the share among all A, C, G and T.", chart)


def _draw_read_quality(pairs: Pairs, noun: str, what: str = "mean quality") -> Element:
    total = sum(number for _, number in pairs)
    bars = [
        Bar(score, score + 1, 100 * number / total, f"Q {score}: {count(number)} {noun} ({percent(number / total)})")
        for score, number in pairs
    ]
    x = between(0, max(41, pairs[-1][0] + 1), "mean Phred score")
    chart = draw_bars(x, from_zero(max(bar.height for bar in bars), f"% of {noun}"), bars)
    return make_figure(f"{noun.capitalize()} by {what}", f"{count(total)} {noun} with bases.", chart)


def _draw_lengths(qc: Qc, noun: str) -> Element:
    title = f"{noun.capitalize()} by length"
    pairs, total, unit = qc["lengths"], qc["records"], unit_of(qc)
    shortest, longest = qc["shortest"] or 0, qc["longest"]
    if shortest == longest:
        text = f" is the length of all {noun}."
        statement = node("p", node("strong", f"{count(longest)} {unit}"), text, class_="alike")
        return make_figure(title, f"{count(total)} {noun}.", statement, look="statement")
    is_wide = longest > WIDE_SPREAD * max(shortest, 1)
    lowest = pairs[0][0]  # the lower end of a bin of lengths, which may be less than the length of the shortest read
    edges = _log_edges(lowest, longest) if is_wide else _edges(lowest, longest)
    half = 0 if is_wide else 0.5  # centres the bar of a single length on that length
    bars = [
        Bar(low - half, high - half, 100 * number / total, f"{_span(low, high, unit)}: {count(number)} {noun}")
        for low, high, number in _bin(pairs, edges)
    ]
    if is_wide:
        x = logarithmic(max(edges[0], 1), edges[-1], unit)
    else:
        x = between(edges[0] - half, edges[-1] - half, unit, most=5)
    chart = draw_bars(x, from_zero(max(bar.height for bar in bars), f"% of {noun}"), bars)
    scale = ", on a logarithmic axis" if is_wide else ""
    return make_figure(title, f"{count(total)} {noun}{scale}.", chart)


def _edges(lowest: int, longest: int) -> list[int]:
    """Return the edges of at most MOST_BARS bins of equal width."""
    width = -(-(longest + 1 - lowest) // MOST_BARS)
    return list(range(lowest, longest + 1 + width, width))


def _log_edges(lowest: int, longest: int) -> list[int]:
    """Return the edges of bins that have equal width on a logarithmic axis."""
    low, high = log10(max(lowest, 1)), log10(longest + 1)
    inner = {round(10 ** (low + (high - low) * part / MOST_BARS)) for part in range(1, MOST_BARS)}
    return sorted({lowest, *(edge for edge in inner if edge > max(lowest, 1)), longest + 1})


def _bin(pairs: Pairs, edges: list[int]) -> Iterator[tuple[int, int, int]]:
    """Yield (low, high, number of records) of each bin that has records. Lengths are from `low` to below `high`."""
    lengths = [length for length, _ in pairs]
    cuts = [bisect_left(lengths, edge) for edge in edges]
    for low, high, first, last in zip(edges, edges[1:], cuts, cuts[1:], strict=False):
        if number := sum(number for _, number in pairs[first:last]):
            yield low, high, number


def _span(low: int, high: int, unit: str) -> str:
    return f"{count(low)} {unit}" if high == low + 1 else f"{count(low)} to {count(high - 1)} {unit}"


def _draw_residues(counts: dict[str, int], total: int) -> Element:
    """Return a bar for each amino acid, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda entry: -entry[1])
    bars = [
        Bar(index + 0.1, index + 0.9, 100 * number / total, f"{residue}: {count(number)}")
        for index, (residue, number) in enumerate(ordered)
    ]
    ticks = tuple((index + 0.5, residue) for index, (residue, _) in enumerate(ordered))
    chart = draw_bars(Axis(0, len(ordered), ticks), from_zero(max(bar.height for bar in bars), "% of residues"), bars)
    return make_figure("Amino acids", f"{count(total)} residues.", chart)


def _draw_composition(qc: Qc, base_counts: BaseCounts) -> Element:
    total = qc["bases"]
    counts = {base: base_counts[base] for base in BASES} | {"other": qc["ambiguous"]}
    shares = {name: number / total for name, number in counts.items() if number}
    parts = (
        node("i", class_=f"base-{name}", style=f"width:{100 * share:.3f}%", title=f"{name}: {percent(share, 2)}")
        for name, share in shares.items()
    )
    rows = (
        node(
            "tr",
            node("th", node("i", class_=f"base-{name}"), name, scope="row"),
            node("td", count(number)),
            node("td", percent(number / total, 2)),
        )
        for name, number in counts.items()
    )
    bar = node("div", *parts, class_="stack")
    table = node("table", node("tbody", *rows), class_="bases")
    uracil = " U is counted as T." if qc.get("uracil") else ""
    return make_figure("All bases", f"{short(total, 'b')}. “other” are IUPAC codes except N.{uracil}", bar, table)


def _in_percent(points: Points) -> Points:
    return [(x, None if value is None else 100 * value) for x, value in points]
