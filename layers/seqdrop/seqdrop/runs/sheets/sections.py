"""The text of a sample sheet, cut into sections, rows and cells. Nothing is left out except empty lines."""

from __future__ import annotations

import csv
import re
from itertools import pairwise

from seqdrop.runs.files import RunFileError
from seqdrop.runs.sheets.sheet import Row, Section

LINE_END = re.compile(r"\r\n|\n|\r")  # Illumina accepts all three, and some sheets have two kinds
OTHER_SEPARATOR = re.compile(r'\s*"?\[[^\[\]]*\]"? *[;\t]')  # spreadsheets write these in some countries
SECTION = re.compile(r"\[([^\[\]]*)\]")
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def decode(body: bytes, name: str) -> str:
    """Return the text of a sheet: UTF-8 with or without a byte order mark, otherwise the Latin-1 of Windows.

    Raise RunFileError for UTF-16, and for bytes that no text has.
    """
    if body.startswith(UTF16):
        raise RunFileError(name, "it is text in UTF-16; save it as CSV in UTF-8")
    if b"\0" in body:
        raise RunFileError(name, "it has NUL bytes, so it is no text; was it damaged, or is it a spreadsheet?")
    for encoding in ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return body.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AssertionError("latin-1 decodes any byte")


def split_rows(text: str, name: str) -> list[Row]:
    """Return the lines that are not empty, as rows. A line of commas and blanks is empty.

    Raise RunFileError if a quote is not closed in its line, or if commas do not separate the cells. A quoted line break
    is refused: with it, a stray quote would make one cell of all rows up to the next stray quote.
    """
    rows = []
    for number, line in enumerate(LINE_END.split(text), start=1):
        cells = tuple(cell.strip() for cell in _split_line(line, number, name))
        if any(cells):
            rows.append(Row(number, cells))
    return rows


def _split_line(line: str, number: int, name: str) -> list[str]:
    if not line:
        return []
    if OTHER_SEPARATOR.match(line):
        raise RunFileError(name, "cells are separated by semicolons or tabs; save the sheet with commas", number)
    try:
        return next(csv.reader([line], strict=True, skipinitialspace=True))
    except (csv.Error, StopIteration) as error:
        raise RunFileError(name, f'check the quotes (") of this line ({error})', number) from error


def split_sections(rows: list[Row], name: str) -> dict[str, Section]:
    """Return the sections of a sheet by name in lower case.

    Raise RunFileError for text before the first section, for a section that comes twice, and for a name of a section
    that has no `]` or is followed by a value.
    """
    sections: dict[str, Section] = {}
    starts = [position for position, row in enumerate(rows) if row.cells[0].startswith("[")]
    if rows and (not starts or starts[0] != 0):
        raise RunFileError(name, "this line is before the first section, such as [Header]", rows[0].line)
    for start, end in pairwise([*starts, len(rows)]):
        title = _section_name(rows[start], name)
        if title.lower() in sections:
            first = sections[title.lower()].line
            raise RunFileError(name, f"section [{title}] is in line {first} already; join the two", rows[start].line)
        sections[title.lower()] = Section(title, rows[start].line, tuple(rows[start + 1 : end]))
    return sections


def _section_name(row: Row, name: str) -> str:
    first, *others = row.cells
    match = SECTION.fullmatch(first)
    if match and match[1].strip() and not any(others):
        return match[1].strip()
    raise RunFileError(name, "a line that starts with [ must be the name of a section, such as [Data]", row.line)
