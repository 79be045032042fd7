"""The faults of a report by code: how many there are, what to do, and where the first ones are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.report.markup import node
from seqdrop.report.numbers import NOTHING, count

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from seqdrop.errors import FaultEntry
    from seqdrop.report.schema import Report

COLUMNS = (("Record", None), ("No.", "number"), ("Line", "number"), ("Byte", "number"), ("Message", None))


def make_findings(report: Report) -> Iterator[Element]:
    """Yield a box for each code: errors, then warnings, each ordered by the first fault of the code."""
    for severity, entries in (("error", report["errors"]), ("warning", report["warnings"])):
        for code in dict.fromkeys(entry["code"] for entry in entries):
            same = [entry for entry in entries if entry["code"] == code]
            yield _make_box(severity, code, same, report["counts"].get(code, len(same)))


def locate(entry: FaultEntry) -> str:
    """Return the location of a fault as the start of a sentence, such as "Record 3, line 9: "; "" if it is unknown."""
    numbers = {"record": entry["number"], "line": entry["line"]}
    known = [f"{word} {count(number)}" for word, number in numbers.items() if number]
    return ", ".join(known).capitalize() + ": " if known else ""


def _make_box(severity: str, code: str, entries: list[FaultEntry], total: int) -> Element:
    first = f"the first {len(entries)} are listed" if len(entries) > 1 else "the first one is listed"
    listed = f"; {first}" if total > len(entries) else ""
    head = node("h3", node("span", severity, class_="pill"), node("code", code), f" {count(total)} found{listed}")
    has_location = any(entry["record"] or entry["line"] or entry["byte"] is not None for entry in entries)
    what = _make_table(entries) if has_location else node("p", entries[0]["message"])
    return node("section", head, _make_advice(entries[0]["advice"]), what, class_=f"finding {severity}")


def _make_advice(text: str) -> Element:
    """Return a paragraph in which text between backticks is a command."""
    parts = text.split("`")
    children = (node("code", part) if index % 2 else part for index, part in enumerate(parts))
    return node("p", *children, class_="advice")


def _make_table(entries: list[FaultEntry]) -> Element:
    head = node("thead", node("tr", *(node("th", name, scope="col", class_=look) for name, look in COLUMNS)))
    table = node("table", head, node("tbody", *(_make_row(entry) for entry in entries)))
    return node("div", table, class_="wide-table")


def _make_row(entry: FaultEntry) -> Element:
    numbers = {"number": entry["number"], "line": entry["line"], "byte": entry["byte"]}
    cells = (node("td", count(value), class_="number", data_name=name) for name, value in numbers.items())
    record = node("td", entry["record"] or NOTHING, class_="name")
    return node("tr", record, *cells, node("td", entry["message"], class_="what"))
