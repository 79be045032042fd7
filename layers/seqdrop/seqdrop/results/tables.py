"""A Parquet table of a JSON Lines file that we wrote, batch by batch. Format: https://parquet.apache.org/docs/file-format/

Written by Rust's Arrow (arro3), a fifth of pyarrow's size; the file's key-value metadata says what made it.

Files of embeddings of proteins: a row for each protein, as JSON Lines and Parquet.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.results.proteins import Embedded, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

ROWS = 16_384  # a batch; of wide rows fewer, so that a batch stays some megabytes
GROUP = 8  # batches in a row group
META = "seqdrop"  # the metadata key: provenance as JSON
# A column is a name, its type, and its value where that is the same in all rows.
Column = tuple[str, str | int, object]


def parquet(lines: Path, columns: list[Column], made_by: dict, path: Path) -> None:
    """Write `columns` of the JSON Lines at `lines`; a key that a line lacks is null.

    A type is text, whole, number, truth, error, or the width of a list of 32-bit numbers.
    """
    from arro3.core import RecordBatchReader, Schema
    from arro3.io import read_json, write_parquet

    held = {name: _field(name, kind) for name, kind, _ in columns}
    rows = max(1024, ROWS // max(kind if isinstance(kind, int) else 1 for _, kind, _ in columns))
    read = Schema([held[name] for name, _, value in columns if value is None])
    batches = _with_constants(read_json(str(lines), read, batch_size=rows), columns, held, rows)
    write_parquet(
        RecordBatchReader.from_batches(Schema(list(held.values())), batches),
        str(path),
        compression="zstd(3)",
        max_row_group_size=GROUP * rows,
        key_value_metadata={META: json.dumps(made_by)},
    )


def _with_constants(batches, columns: list[Column], held: dict, rows: int) -> Iterator:
    """Each batch with the columns that no line holds, since all lines would hold the same."""
    from arro3.core import Array, RecordBatch, Schema

    schema = Schema(list(held.values()))
    whole = {name: Array([value] * rows, held[name].type) for name, _, value in columns if value is not None}
    for batch in batches:
        made = [whole[name].slice(0, batch.num_rows) if name in whole else batch.column(name) for name, _, _ in columns]
        yield RecordBatch.from_arrays(made, schema=schema)


def _field(name: str, kind: str | int):
    from arro3.core import DataType, Field

    if isinstance(kind, int):
        return Field(name, DataType.list(Field("item", DataType.float32()), kind))
    if kind == "error":
        return Field(name, DataType.struct([Field("code", DataType.utf8()), Field("message", DataType.utf8())]))
    types = {"text": DataType.utf8, "whole": DataType.int64, "number": DataType.float64, "truth": DataType.bool}
    return Field(name, types[kind]())


TROUBLE: list[Column] = [("item", "text", None), ("error", "error", None)]


def width(lines: Path) -> int:
    """How many numbers an embedding has; 1 where there is none."""
    with lines.open() as file:
        return next((len(row["embedding"]) for row in map(json.loads, file) if "embedding" in row), 1)


LINES, TABLE = "embeddings.jsonl", "embeddings.parquet"


def write_embeddings(folder: Path, found: Iterable[Embedded | Failure], made_by: dict) -> None:
    """Write both files; memory does not grow with the number of proteins."""
    with (folder / LINES).open("w") as file:
        for one in found:
            file.write(json.dumps(as_line(one), separators=(",", ":")) + "\n")
    model = [("model", "text", made_by["model"]["name"]), ("model_sha256", "text", made_by["model"]["sha256"])]
    told = [("record", "text", None), ("length", "whole", None), ("embedding", width(folder / LINES), None)]
    parquet(folder / LINES, [*told, *model, *TROUBLE], made_by, folder / TABLE)


def as_line(one: Embedded | Failure) -> dict:
    if isinstance(one, Failure):
        return {"record": one.record, "item": one.item, "error": one.error}
    numbers = [float(f"{value:.6g}") for value in one.embedding.tolist()]
    return {"record": one.record, "length": one.length, "embedding": numbers}
