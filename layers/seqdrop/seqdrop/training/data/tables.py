"""Tables: CSV (or tab-separated) and Parquet, one record per row.

Columns: `sequence`, and `labels` (one letter per residue) or `label` (dnabert); `split` if one file has all splits;
`id` and `mask` are optional. Other columns are ignored. White space around a line and blank lines have no meaning.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Self

from seqdrop.training.data.line_reader import Budget, Source, read_lines
from seqdrop.training.data.rows import Place, Problems, Row, parse_split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arro3.core import RecordBatchReader

COLUMNS = ("id", "sequence", "labels", "label", "split", "mask")
LONGEST_FIELD = 10_000_000
PARQUET = b"PAR1"


def read_csv(source: Source, split: str, problems: Problems, budget: Budget) -> Iterator[Row]:
    """Yield the rows of a CSV file with a header line. If the header has tabs but no commas, tabs separate columns."""
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
            texts = ["" if cell is None else str(cell) for cell in cells]
            if not budget.spend(sum(map(len, texts))):
                problems.add("too_large", f"{source.name}: the data set has too much text", Place(record=record))
                return
            values = {name.lower(): text for name, text in zip(names, texts, strict=True)}
            yield _row(values, source, split, record, None)


class _Lines:
    """The lines of a file for `csv`, which needs their ends. `number`, from 1, is that of the last line returned."""

    def __init__(self, source: Source, problems: Problems, budget: Budget) -> None:
        self._lines, self.number = read_lines(source, problems, budget), 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        self.number, text = next(self._lines)
        return text + "\n"


def _rows_of_csv(texts: _Lines, source: Source, split: str, problems: Problems) -> Iterator[Row]:
    head = next(texts, "")
    delimiter = "\t" if "\t" in head and "," not in head else ","
    names = [name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter), [])]
    if not _check_columns(names, source, split, problems):
        return
    reader = csv.reader(texts, delimiter=delimiter, strict=True)
    for record, cells in enumerate(filter(None, reader), start=1):
        yield _row(dict(zip(names, cells, strict=False)), source, split, record, texts.number)


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
