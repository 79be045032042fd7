"""Tables: CSV (or tab-separated) and Parquet, a record a row.

Columns: `sequence`, and `labels` (one letter a residue) or `label` (dnabert); `split` where one file holds all;
`id` and `mask` if there are any. Others are passed over.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from seqdrop.training.data.line_reader import Budget, Source, lines
from seqdrop.training.data.rows import Problems, Row, split_named

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("id", "sequence", "labels", "label", "split", "mask")
LONGEST_FIELD = 10_000_000
PARQUET = b"PAR1"


def read_csv(source: Source, split: str, problems: Problems, budget: Budget) -> Iterator[Row]:
    """Rows of a CSV file with a header line; one without commas but with tabs is tab-separated."""
    csv.field_size_limit(LONGEST_FIELD)
    counted = _lines(source, problems, budget)
    head = next(counted, "")
    delimiter = "\t" if "\t" in head and "," not in head else ","
    names = [name.strip().lower() for name in next(csv.reader([head], delimiter=delimiter), [])]
    if not _columns_hold(names, source, split, problems):
        return
    reader = csv.reader(counted, delimiter=delimiter, strict=True)
    try:
        for record, cells in enumerate(filter(None, reader), start=1):
            values = dict(zip(names, cells, strict=False))
            yield _row(values, source, split, record, reader.line_num + 1)
    except csv.Error as error:
        problems.add("bad_table", f"{source.name}: this is no CSV ({error})", line=reader.line_num + 1)


def read_parquet(source: Source, split: str, problems: Problems, budget: Budget) -> Iterator[Row]:
    """Rows of a Parquet file."""
    from arro3.core import RecordBatchReader
    from arro3.io import read_parquet

    body = source.stream.read()
    if not budget.spend(len(body)):
        return problems.add("too_large", f"{source.name}: the data set has too much text")
    if body[:4] != PARQUET or body[-4:] != PARQUET:
        return problems.add("bad_table", f"{source.name}: this is no Parquet file")
    try:
        reader = RecordBatchReader.from_arrow(read_parquet(io.BytesIO(body)))
        names = [field.name for field in reader.schema]
        if _columns_hold([name.lower() for name in names], source, split, problems):
            yield from _rows_of_batches(reader, names, source, split, problems, budget)
    except BaseException as error:
        # arro3 raises a bare Exception for what it cannot read, or panics, which is no Exception. No others are ours.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        problems.add("bad_table", f"{source.name}: the Parquet file cannot be read ({type(error).__name__})")


def _rows_of_batches(reader, names: list[str], source: Source, split: str, problems, budget) -> Iterator[Row]:
    wanted, record = [name for name in names if name.lower() in COLUMNS], 0
    for batch in reader:
        columns = [[value.as_py() for value in batch.column(name)] for name in wanted]
        for cells in zip(*columns, strict=True):
            record += 1
            values = {n.lower(): "" if v is None else str(v) for n, v in zip(wanted, cells, strict=True)}
            if not budget.spend(sum(map(len, values.values()))):
                return problems.add("too_large", f"{source.name}: the data set has too much text", record=record)
            yield _row(values, source, split, record, None)


def _lines(source: Source, problems: Problems, budget: Budget) -> Iterator[str]:
    # csv wants the end of each line; white space around a line carries nothing in these columns.
    return (text + "\n" for _, text in lines(source, problems, budget))


def _columns_hold(names: list[str], source: Source, split: str, problems: Problems) -> bool:
    lacking = [name for name in ("sequence", *(() if split else ("split",))) if name not in names]
    lacking += [] if {"labels", "label"} & set(names) else ["labels"]
    twice = sorted({name for name in names if name in COLUMNS and names.count(name) > 1})
    if lacking:
        problems.add("bad_table", f"{source.name}: there is no column {', '.join(lacking)}")
    if twice:
        problems.add("bad_table", f"{source.name}: there are two columns {', '.join(twice)}")
    return not lacking and not twice


def _row(values: dict[str, str], source: Source, split: str, record: int, line: int | None) -> Row:
    told = split or split_named(values.get("split", ""))
    name = values.get("id", "").strip() or f"{source.name}:{record}"
    labels, mask = values.get("labels") or values.get("label", ""), values.get("mask", "").strip()
    sequence = values.get("sequence", "").strip()
    return Row(name, sequence, labels.strip(), told, mask or None, source.name, record, line)
