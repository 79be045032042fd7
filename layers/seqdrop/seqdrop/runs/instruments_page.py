"""The tables of docs/instruments.md, from the rows of instruments.toml: `python -m seqdrop.runs.instruments_page`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from seqdrop.runs.instruments import load_table

if TYPE_CHECKING:
    from seqdrop.runs.instruments import Alternative, Analysis, Row, Table


def render(table: Table) -> str:
    """Return the Markdown tables of all instruments and of the layouts of on-board analyses."""
    instruments = "\n".join(_instrument(row) for row in table.instruments)
    analyses = "\n".join(_analysis(layout) for layout in table.analyses)
    entries: list[Row | Analysis] = [*table.instruments, *table.analyses]
    sources = "\n".join(f"- {_name(entry)}: {entry.source}" for entry in entries)
    return f"""\
| instrument | ids | complete when all of these are there | or | grace, silence |
|---|---|---|---|---|
{instruments}

| analysis folder | all of these | says that it failed | grace |
|---|---|---|---|
{analyses}

{sources}
"""


def _name(entry: Row | Analysis) -> str:
    return f"{entry.name} (unsure)" if entry.unsure else entry.name


def _instrument(row: Row) -> str:
    known = ", ".join(_code(text) for text in row.serials or row.folders or row.files)
    part = "" if row.unit == "run" else f" (each {row.unit})"
    rules = "; ".join(_alternative(rule) for rule in row.alternative)
    times = f"{row.grace_minutes} min, {row.silence_hours} h"
    return f"| {_name(row)} | {known} | {_markers(row.markers)}{part}{_content(row)} | {rules} | {times} |"


def _alternative(rule: Alternative) -> str:
    version = (
        f" (RunParametersVersion {' or '.join(text or 'absent' for text in rule.versions)})" if rule.versions else ""
    )
    quiet = f", then {rule.quiet_hours} h without a new file; a warning" if rule.quiet_hours else ""
    return f"{_markers(rule.markers)}{version}{quiet}"


def _content(row: Row) -> str:
    contents = {
        "transfer list": "all files that it lists",
        "final summary": "as many files as it counts",
        "cycles": "a file of each cycle of `RunParameters.json`, if there are any",
    }
    return f" and {contents[row.content]}" if row.content else ""


def _analysis(layout: Analysis) -> str:
    listed = f" and all files of {_code(layout.manifest)}" if layout.manifest else ""
    outcome = _code(layout.outcome.file) if layout.outcome else ""
    return f"| {_name(layout)} | {_markers(layout.markers)}{listed} | {outcome} | {layout.grace_minutes} min |"


def _markers(markers: tuple[str, ...]) -> str:
    return ", ".join(" or ".join(_code(choice) for choice in marker.split("|")) for marker in markers)


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


if __name__ == "__main__":
    sys.stdout.write(render(load_table()))
