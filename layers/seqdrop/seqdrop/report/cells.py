"""Building blocks of the pages of runs: cells and tables, verdicts, times and meters."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from seqdrop.report.markup import node
from seqdrop.report.numbers import NOTHING, percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from xml.etree.ElementTree import Element

    from seqdrop.report.markup import Child

LOOKS = {"pass": "pass", "warn": "warn", "fail": "fail"}


def make_tag(verdict: str) -> Element:
    """Return a verdict as a tinted word; "planned" without one."""
    return node("span", verdict or "planned", class_=f"tag {LOOKS.get(verdict, 'none')}")


def make_time(time: str) -> Element | str:
    """Return a time of the ledger (ISO 8601 in UTC) to the minute; a dash for ""."""
    if not time:
        return NOTHING
    return node("time", f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M} UTC", datetime=time)


def make_meter(share: float, wide: bool = False) -> Element:
    """Return a bar of a share of 1; it is full from 1 on. The number stands beside it, so it is hidden from readers."""
    fill = node("i", style=f"width:{100 * min(1.0, max(0.0, share)):.1f}%")
    return node("span", fill, class_="meter wide-meter" if wide else "meter", aria_hidden="true")


def number_cell(name: str, *content: Child, look: str = "") -> Element:
    """Return a cell with a number. On a phone, `name` is shown before it."""
    return node("td", *content, class_=f"number {look}".strip(), data_name=name)


def make_table(caption: str, columns: Sequence[tuple[str, str]], rows: Iterable[Element], look: str) -> Element:
    """Return a table that can be scrolled, with a caption and a header cell for each (name, class) of `columns`."""
    cells = (node("th", name, scope="col", class_=kind or None) for name, kind in columns)
    table = node("table", node("caption", caption), node("thead", node("tr", *cells)), node("tbody", *rows))
    # Keyboards scroll what has the focus; a region needs a name.
    return node("div", table, class_=f"wide-table card {look}", role="region", tabindex="0", aria_label=caption)


def make_section(title: str, *content: Child) -> Element:
    """Return a section with a heading."""
    return node("section", node("h2", title), *content)


def make_facts(facts: dict[str, Child]) -> Element:
    """Return a list of facts; those that are unknown are omitted."""
    pairs = (
        node("div", node("dt", term), node("dd", value)) for term, value in facts.items() if value not in (None, "")
    )
    return node("dl", *pairs, class_="facts")


def make_tiles(tiles: Iterable[tuple[str, str, str]]) -> Element:
    """Return (name, value, note) entries as tiles."""
    boxes = (
        node("div", node("dt", name), node("dd", text), node("dd", note, class_="note")) for name, text, note in tiles
    )
    return node("dl", *boxes, class_="tiles")


def share_of(value: float | None, whole: float | None) -> str:
    """Return a value as a percentage of a whole; a dash if either is not known."""
    return percent(value / whole, 0) if value is not None and whole else NOTHING


def plural(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
