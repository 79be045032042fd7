"""The tables and the pairs of keys and values in the sections of a sheet."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.runs.files import RunFileError

if TYPE_CHECKING:
    from seqdrop.runs.sheets.sheet import Row, Section

LANES = re.compile(r"[0-9]{1,3}(?:\s*\+\s*[0-9]{1,3})*")


@dataclass(frozen=True)
class Table:
    """The rows below a line of column names. `positions` has the position of each column by its plain name."""

    titles: tuple[str, ...]
    rows: tuple[Row, ...]
    positions: dict[str, int]

    def cell(self, row: Row, column: str) -> str:
        """Return the cell of a row in a column, by its plain name; "" if there is none."""
        position = self.positions.get(column, len(row.cells))
        return row.cells[position] if position < len(row.cells) else ""

    def columns(self, row: Row) -> dict[str, str]:
        """Return all cells of a row by the titles of their columns."""
        return {
            title: row.cells[position] if position < len(row.cells) else ""
            for position, title in enumerate(self.titles)
            if title
        }


def plain(title: str) -> str:
    """Return a title for comparison: `Sample_ID`, `SampleID` and `sample id` are one."""
    return re.sub(r"[\s_-]", "", title).lower()


def read_table(section: Section | None, name: str, required: str = "") -> Table:
    """Return the table of a section; an empty one without a section. `required` is the title of a column.

    Raise RunFileError if a title comes twice or the required one is missing, or if a row has a cell outside the
    columns: then a comma is too many, and it is not known which cells belong to which columns.
    """
    if section is None or not section.rows:
        return Table((), (), {})
    titles, rows = section.rows[0].cells, section.rows[1:]
    positions = _place(titles, section, name)
    if required and plain(required) not in positions:
        raise RunFileError(name, f"the table of [{section.name}] has no column {required}", section.rows[0].line)
    for row in rows:
        if any(cell and (place >= len(titles) or not titles[place]) for place, cell in enumerate(row.cells)):
            message = f"a cell has no column; the table of [{section.name}] has {len(positions)}. Is a comma too many?"
            raise RunFileError(name, message, row.line)
    return Table(titles, rows, positions)


def _place(titles: tuple[str, ...], section: Section, name: str) -> dict[str, int]:
    positions: dict[str, int] = {}
    for position, title in enumerate(titles):
        if title and plain(title) in positions:
            raise RunFileError(name, f"[{section.name}] has two columns {title!r}", section.rows[0].line)
        if title:
            positions[plain(title)] = position
    return positions


def read_pairs(section: Section | None, name: str) -> dict[str, str]:
    """Return the keys and values of a section; of a key that comes twice, the first value.

    Raise RunFileError if a line has a value without a key. Cells after the second are left in the section's rows:
    sheets of instruments have leftovers of spreadsheets there.
    """
    pairs: dict[str, str] = {}
    for row in section.rows if section else ():
        if not row.cells[0]:
            raise RunFileError(name, "this line has a value, but no key in its first cell", row.line)
        pairs.setdefault(row.cells[0], row.cells[1] if len(row.cells) > 1 else "")
    return pairs


def parse_lanes(cell: str, name: str, line: int) -> tuple[int, ...]:
    """Return the lanes of a cell such as `1` or `1+2` (AVITI); () if it is empty, which means all lanes.

    Raise RunFileError for anything else.
    """
    if not cell:
        return ()
    if not LANES.fullmatch(cell):
        raise RunFileError(name, f"the lane is {cell[:20]!r}, but must be a number such as 1", line)
    return tuple(dict.fromkeys(int(lane) for lane in cell.split("+")))
