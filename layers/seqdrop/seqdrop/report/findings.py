"""What is wrong with a file, code by code: how often, what to do, and the first places."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from seqdrop.report.markup import node
from seqdrop.report.numbers import NOTHING, count

COLUMNS = (("Record", None), ("No.", "number"), ("Line", "number"), ("Byte", "number"), ("What", None))


def findings(report: dict) -> Iterator[Element]:
    """A box for each code, errors first, in the order of the first of each."""
    for severity in ("error", "warning"):
        entries = report[severity + "s"]
        for code in dict.fromkeys(one["code"] for one in entries):
            same = [one for one in entries if one["code"] == code]
            yield _box(severity, code, same, report["counts"].get(code, len(same)))


def _box(severity: str, code: str, entries: list[dict], total: int) -> Element:
    first = f"the first {len(entries)}" if len(entries) > 1 else "the first"
    shown = f", {first} of them below" if total > len(entries) else ""
    head = node("h3", node("span", severity, class_="pill"), node("code", code), f" {count(total)} found{shown}")
    placed = [one for one in entries if one["record"] or one["line"] or one["byte"] is not None]
    what = _table(entries) if placed else node("p", entries[0]["message"])
    return node("section", head, _advice(entries[0]["advice"]), what, class_=f"finding {severity}")


def _advice(text: str) -> Element:
    """What stands between backticks is a command."""
    parts = text.split("`")
    return node("p", *(node("code", one) if place % 2 else one for place, one in enumerate(parts)), class_="advice")


def _table(entries: list[dict]) -> Element:
    head = node("thead", node("tr", *(node("th", name, class_=look) for name, look in COLUMNS)))
    table = node("table", head, node("tbody", *(_row(one) for one in entries)))
    return node("div", table, class_="wide-table")


def _row(one: dict) -> Element:
    keys = ("number", "line", "byte")
    numbers = (node("td", count(one[key]), class_="number", data_name=key) for key in keys)
    name = node("td", one["record"] or NOTHING, class_="name")
    return node("tr", name, *numbers, node("td", one["message"], class_="what"))
