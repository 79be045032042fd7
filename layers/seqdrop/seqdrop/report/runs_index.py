"""Render the index of all runs, `runs/index.html`: a row for each run, the last change first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from seqdrop.report.cells import make_section, make_table, make_tag, make_time, number_cell, plural
from seqdrop.report.markup import document, node
from seqdrop.report.numbers import NOTHING, count, short
from seqdrop.report.page import make_head

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from xml.etree.ElementTree import Element

MOST = 2000  # runs on the page; a run takes some 700 bytes
COLUMNS = (
    ("Verdict", ""),
    ("Run", ""),
    ("State", ""),
    ("Instrument", ""),
    ("Samples", ""),
    ("Files", "number"),
    ("Size", "number"),
    ("Rejected", "number"),
    ("Last change", ""),
)


@dataclass(frozen=True)
class RunRow:
    """A run on the index. `verdicts` are the numbers of its samples by verdict; times are ISO 8601 in UTC."""

    name: str
    analysis: str
    state: str
    instrument: str
    changed_at: str
    verdicts: Mapping[str, int]
    missing: int = 0
    files: int = 0
    bytes: int = 0
    rejected: int = 0

    @property
    def verdict(self) -> str:
        """The worst verdict of its samples; "fail" for a failed run, "" for one without samples."""
        if self.state == "FAILED" or self.verdicts.get("fail") or self.rejected:
            return "fail"
        return "warn" if self.verdicts.get("warn") else "pass" if self.verdicts.get("pass") else ""


def render_index(rows: Sequence[RunRow]) -> str:
    """Return the page of these runs."""
    ordered = sorted(rows, key=lambda row: (row.changed_at, row.name), reverse=True)
    growing = sum(row.state in ("SEQUENCING", "COPYING") for row in rows)
    attention = sum(row.verdict == "fail" for row in rows)
    summary = (
        f"{plural(len(rows), 'run')}: {count(growing)} still growing, {count(attention)} with something that failed."
    )
    more = f" The {MOST:,} that changed last are listed; `seqdrop runs` lists all." if len(rows) > MOST else ""
    header = node("header", node("p", "Seqdrop", class_="brand"), node("h1", "Runs"), node("p", summary + more))
    footer = node(
        "footer", node("p", "Each run links to its page. The page is written when a run changes; times are UTC.")
    )
    main = node("main", header, make_section("All runs", _make_table(ordered[:MOST])), footer)
    return document(node("html", make_head("Runs", "run.css"), node("body", main), lang="en"))


def _make_table(rows: Iterable[RunRow]) -> Element:
    return make_table("The last change first", COLUMNS, (_make_row(row) for row in rows), "samples")


def _make_row(row: RunRow) -> Element:
    link = node("a", row.name, href=f"{quote(row.analysis)}/{quote(row.name)}/run.html")
    return node(
        "tr",
        node("td", make_tag(row.verdict) if row.verdict else NOTHING, class_="verdict-cell"),
        node("th", link, scope="row"),
        node("td", row.state.capitalize()),
        node("td", row.instrument or "not recognised"),
        node("td", _describe_samples(row)),
        number_cell("Files", count(row.files)),
        number_cell("Size", short(row.bytes, "B")),
        number_cell("Rejected", count(row.rejected)),
        node("td", make_time(row.changed_at)),
    )


def _describe_samples(row: RunRow) -> str:
    parts = [
        f"{count(row.verdicts[verdict])} {verdict}" for verdict in ("pass", "warn", "fail") if row.verdicts.get(verdict)
    ]
    if row.missing:
        parts.append(f"{count(row.missing)} missing")
    return ", ".join(parts) or NOTHING
