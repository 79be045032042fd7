"""The positions of a read on one axis: each for itself while they are few, in growing groups where reads are long.

Which charts show which part of a report (reads/qc.schema.json).
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import log10
from typing import TYPE_CHECKING

from seqdrop.report.charts import (
    Axis,
    Band,
    Bar,
    Line,
    bar_chart,
    between,
    figure,
    from_zero,
    legend,
    line_chart,
    logarithmic,
)
from seqdrop.report.markup import node
from seqdrop.report.numbers import count, percent, short

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

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


BASES = "ACGTN"
RESIDUES = "aa"  # the unit of a protein's length
MOST_BARS = 40
WIDE_SPREAD = 20  # a longest read of so many times the shortest wants a logarithmic axis


def pictures(qc: dict, noun: str) -> Iterator[Element]:
    """All that the figures of a file can show. `noun` is what its records are called, in the plural."""
    places = Places(qc) if qc["positions"] and qc["bases"] else None
    if places:
        yield _quality(places)
        yield _content(places)
    if qc["read_quality"]:
        yield _read_quality(qc["read_quality"], noun)
    if qc["records"]:
        yield _lengths(qc, noun)
    if places:
        yield _gc(places, qc["gc_fraction"])
    if qc["bases"]:
        yield _residues(qc) if unit_of(qc) == RESIDUES else _composition(qc)


def unit_of(qc: dict) -> str:
    """What lengths are told in."""
    return "bp" if qc.get("residue_counts") is None else RESIDUES


def _quality(places: Places) -> Element:
    points = places.of("quality")
    top = max([40, *(value for _, value in points if value is not None)])
    y = from_zero(top, "Phred score", most=5)
    bands = (Band(0, 20, "low"), Band(20, 30, "fair"), Band(30, y.high, "good"))
    told = [(x, f"{places.name(x)}: Q {value:.1f}") for x, value in points if value is not None]
    chart = line_chart(places.axis, y, [Line("quality", "quality", points)], told, bands)
    return figure("Mean quality per position", f"Tinted below Q20 and Q30.{places.note}", chart, look="wide")


def _content(places: Places) -> Element:
    lines = [Line(base, f"base-{base}", _hundredfold(places.of(base))) for base in BASES]
    top = max((value for line in lines for _, value in line.points if value is not None), default=0)
    told = []
    for index, (x, value) in enumerate(lines[0].points):
        if value is not None:
            shares = ", ".join(f"{line.name} {line.points[index][1]:.1f} %" for line in lines)
            told.append((x, f"{places.name(x)}: {shares}"))
    chart = line_chart(places.axis, from_zero(min(100, max(50, top)), "% of bases"), lines, told)
    names = legend((f"base-{base}", base) for base in BASES)
    return figure("Bases per position", f"The share of each base.{places.note}", names, chart, look="wide")


def _gc(places: Places, overall: float | None) -> Element:
    pairs = zip(places.of("G"), places.of("C"), strict=True)
    points = [(x, None if g is None or c is None else 100 * (g + c)) for (x, g), (_, c) in pairs]
    mean = 100 * (overall or 0)
    flat = [(places.axis.low, mean), (places.axis.high, mean)]
    told = [(x, f"{places.name(x)}: {value:.1f} % G and C") for x, value in points if value is not None]
    lines = [Line("GC", "gc", points), Line("mean", "mean", flat)]
    chart = line_chart(places.axis, from_zero(100, "% G and C"), lines, told)
    return figure("GC per position", f"Dashed: {percent(overall)}, over all bases.", chart)


def _read_quality(pairs: list[list[int]], noun: str) -> Element:
    total = sum(number for _, number in pairs)
    bars = [
        Bar(score, score + 1, 100 * number / total, f"Q {score}: {count(number)} {noun} ({percent(number / total)})")
        for score, number in pairs
    ]
    x = between(0, max(41, pairs[-1][0] + 1), "mean Phred score")
    chart = bar_chart(x, from_zero(max(bar.height for bar in bars), f"% of {noun}"), bars)
    return figure(f"{noun.capitalize()} by mean quality", f"{count(total)} {noun} with bases.", chart)


def _lengths(qc: dict, noun: str) -> Element:
    title, pairs, total, unit = f"{noun.capitalize()} by length", qc["lengths"], qc["records"], unit_of(qc)
    shortest, longest = qc["shortest"], qc["longest"]
    if shortest == longest:
        alike = node("p", node("strong", f"{count(longest)} {unit}"), f" is the length of all {noun}.", class_="alike")
        return figure(title, f"{count(total)} {noun}.", alike, look="statement")
    wide = longest > WIDE_SPREAD * max(shortest, 1)
    lowest = pairs[0][0]  # of long reads the lower end of a bin, which may be less than the shortest
    edges = _log_edges(lowest, longest) if wide else _edges(lowest, longest)
    half = 0 if wide else 0.5  # a bar stands over its length, not beside it
    bars = [
        Bar(low - half, high - half, 100 * number / total, f"{_span(low, high, unit)}: {count(number)} {noun}")
        for low, high, number in _binned(pairs, edges)
    ]
    ends = (max(edges[0], 1), edges[-1]) if wide else (edges[0] - half, edges[-1] - half)
    x = logarithmic(*ends, unit) if wide else between(*ends, unit, most=5)
    chart = bar_chart(x, from_zero(max(bar.height for bar in bars), f"% of {noun}"), bars)
    scale = ", on a logarithmic axis" if wide else ""
    return figure(title, f"{count(total)} {noun}{scale}.", chart)


def _edges(lowest: int, longest: int) -> list[int]:
    width = -(-(longest + 1 - lowest) // MOST_BARS)
    return list(range(lowest, longest + 1 + width, width))


def _log_edges(lowest: int, longest: int) -> list[int]:
    low, high = log10(max(lowest, 1)), log10(longest + 1)
    between_them = {round(10 ** (low + (high - low) * part / MOST_BARS)) for part in range(1, MOST_BARS)}
    return sorted({lowest, *(one for one in between_them if one > max(lowest, 1)), longest + 1})


def _binned(pairs: list[list[int]], edges: list[int]) -> Iterator[tuple[int, int, int]]:
    """(low, high, records from low to below high) of each bin that has any."""
    lengths = [length for length, _ in pairs]
    cuts = [bisect_left(lengths, edge) for edge in edges]
    for low, high, first, last in zip(edges, edges[1:], cuts, cuts[1:], strict=False):
        if number := sum(number for _, number in pairs[first:last]):
            yield low, high, number


def _span(low: int, high: int, unit: str) -> str:
    return f"{count(low)} {unit}" if high == low + 1 else f"{count(low)} to {count(high - 1)} {unit}"


def _residues(qc: dict) -> Element:
    """How often each amino acid stands, the most frequent first."""
    ordered = sorted(qc["residue_counts"].items(), key=lambda one: -one[1])
    bars = [
        Bar(place + 0.1, place + 0.9, 100 * number / qc["bases"], f"{letter}: {count(number)}")
        for place, (letter, number) in enumerate(ordered)
    ]
    letters = tuple((place + 0.5, letter) for place, (letter, _) in enumerate(ordered))
    chart = bar_chart(Axis(0, len(ordered), letters), from_zero(max(bar.height for bar in bars), "% of residues"), bars)
    return figure("Amino acids", f"{count(qc['bases'])} residues.", chart)


def _composition(qc: dict) -> Element:
    counts = {**qc["base_counts"], "other": qc["ambiguous"]}
    shares = {name: number / qc["bases"] for name, number in counts.items() if number}
    parts = (
        node("i", class_=f"base-{name}", style=f"width:{100 * share:.3f}%", title=f"{name}: {percent(share, 2)}")
        for name, share in shares.items()
    )
    rows = (
        node("tr", node("th", node("i", class_=f"base-{name}"), name), node("td", count(number)),
             node("td", percent(number / qc["bases"], 2)))
        for name, number in counts.items()
    )  # fmt: skip
    bar, table = node("div", *parts, class_="stack"), node("table", node("tbody", *rows), class_="bases")
    return figure("Bases in all", f"{short(qc['bases'], 'b')}; other: IUPAC codes but N.", bar, table)


def _hundredfold(points: list[tuple[float, float | None]]) -> list[tuple[float, float | None]]:
    return [(x, None if value is None else 100 * value) for x, value in points]
