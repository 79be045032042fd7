"""Tables: CSV (or tab-separated) and Parquet, one record per row.

Columns: `sequence`, and `labels` (one letter per residue) or `label` (dnabert); `split` if one file has all splits;
`id` and `mask` are optional. Other columns are ignored, also those without a name. Blank lines have no meaning, and
neither has white space around a line, except for tabs if they separate the columns.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Self

from seqdrop.training.data.layouts import text_of_cell
from seqdrop.training.data.line_reader import Budget, Source, read_whole_lines
from seqdrop.training.data.rows import Place, Problems, Row, parse_split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arro3.core import RecordBatchReader

COLUMNS = ("id", "sequence", "labels", "label", "split", "mask")
LONGEST_FIELD = 10_000_000
PARQUET = b"PAR1"
COMMA, TAB = ",", "\t"
DELIMITERS = (COMMA, TAB, ";")  # spreadsheets write semicolons where the comma is the decimal point
OUTER_SPACE = re.compile(r"^[^\S\t]+|[^\S\t]+$")  # white space around a line, without tabs


def read_csv(source: Source, split: str, problems: Problems, budget: Budget) -> Iterator[Row]:
    """Yield the rows of a CSV file with a header line. Commas, tabs or semicolons separate its columns."""
    csv.field_size_limit(LONGEST_FIELD)
    texts = _Lines(source, problems, budget)
    try:
        yield from _rows_of_csv(texts, source, split, problems)
    except csv.Error as error:
        problems.add("bad_table", f"{source.name}: this is not valid CSV ({error})", Place(line=texts.number or None))


def read_parquet(source: Source, split: str, problems: Problems, budget: Budget) -> Iterator[Row]:
    """Yield the rows of a Parquet file."""
    from arro3.core import RecordBatchReader
    from arro3.io import read_parquet

    body = source.stream.read()
    if not budget.spend(len(body)):
        problems.add("too_large", f"{source.name}: the data set has too much text")
        return
    if body[:4] != PARQUET or body[-4:] != PARQUET:
        problems.add("bad_table", f"{source.name}: this is not a Parquet file")
        return
    try:
        reader = RecordBatchReader.from_arrow(read_parquet(io.BytesIO(body)))
        if _check_columns([name.lower() for name in reader.schema.names], source, split, problems):
            yield from _rows_of_batches(reader, source, split, problems, budget)
    except BaseException as error:
        # arro3 raises a bare Exception for what it cannot read, or panics, which is not an Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        problems.add("bad_table", f"{source.name}: the Parquet file cannot be read ({type(error).__name__})")


def _rows_of_batches(
    reader: RecordBatchReader, source: Source, split: str, problems: Problems, budget: Budget
) -> Iterator[Row]:
    names = [name for name in reader.schema.names if name.lower() in COLUMNS]
    record = 0
    for batch in reader:
        columns = [batch.column(name).to_pylist() for name in names]
        for cells in zip(*columns, strict=True):
            record += 1
            texts = [text_of_cell(cell) for cell in cells]
            if not budget.spend(sum(map(len, texts))):
                problems.add("too_large", f"{source.name}: the data set has too much text", Place(record=record))
                return
            values = {name.lower(): text for name, text in zip(names, texts, strict=True)}
            yield _row(values, source, split, record, None)


class _Lines:
    """The lines of a file for `csv`, which needs their ends.

    `number`, from 1, is that of the last line returned. `delimiter` separates the cells.
    """

    def __init__(self, source: Source, problems: Problems, budget: Budget) -> None:
        self._lines, self.number, self.delimiter = read_whole_lines(source, problems, budget), 0, TAB

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        self.number, text = next(self._lines)
        return (OUTER_SPACE.sub("", text) if self.delimiter == TAB else text.strip()) + "\n"


def _rows_of_csv(texts: _Lines, source: Source, split: str, problems: Problems) -> Iterator[Row]:
    texts.delimiter, names = _split_header(next(texts, ""))
    if not _check_columns(names, source, split, problems):
        return
    reader = csv.reader(texts, delimiter=texts.delimiter, strict=True)
    for record, cells in enumerate(filter(None, reader), start=1):
        if record == 1 and _has_row_names(names, cells):
            names = ["", *names]
        yield _row(dict(zip(names, cells, strict=False)), source, split, record, texts.number)


def _split_header(head: str) -> tuple[str, list[str]]:
    """Return the delimiter of a table and the names of its columns in lower case.

    The delimiter is the first of DELIMITERS that gives a column `sequence`.
    """
    choices = {mark: _split_names(head, mark) for mark in DELIMITERS}
    delimiter = next((mark for mark, names in choices.items() if "sequence" in names), COMMA)
    return delimiter, choices[delimiter]


def _split_names(head: str, delimiter: str) -> list[str]:
    line = head if delimiter == TAB else head.strip()
    return [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), [])]


def _has_row_names(names: list[str], cells: list[str]) -> bool:
    """Return True if the rows begin with a name that has no column in the header, as R's `write.table` writes them."""
    if len(cells) != len(names) + 1:
        return False
    cell, following = cells[names.index("sequence") :][:2]
    return not _is_sequence(cell) and _is_sequence(following)


def _is_sequence(cell: str) -> bool:
    return "".join(cell.split()).isalpha()


def _check_columns(names: list[str], source: Source, split: str, problems: Problems) -> bool:
    """Return True if no required column is missing and no column occurs twice; otherwise report the problem."""
    missing = [name for name in ("sequence", *(() if split else ("split",))) if name not in names]
    if not {"labels", "label"} & set(names):
        missing.append("labels")
    repeated = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if missing:
        problems.add("bad_table", f"{source.name}: column {', '.join(missing)} is missing")
    if repeated:
        problems.add("bad_table", f"{source.name}: column {', '.join(repeated)} occurs twice")
    return not missing and not repeated


def _row(values: dict[str, str], source: Source, split: str, record: int, line: int | None) -> Row:
    split_here = split or parse_split(values.get("split", ""))
    name = values.get("id", "").strip() or f"{source.name}:{record}"
    labels, mask = values.get("labels") or values.get("label", ""), values.get("mask", "").strip()
    sequence = values.get("sequence", "").strip()
    return Row(name, sequence, labels.strip(), split_here, mask or None, source.name, record, line)
