"""Convert our JSON Lines files to Parquet tables, batch by batch, and write the files of protein embeddings.

Format: https://parquet.apache.org/docs/file-format/. The provenance is in the key-value metadata of a table. The writer
is arro3, the Arrow library in Rust: its package has a fifth of the size of pyarrow.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from seqdrop.results.proteins import Embedded, Failure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from arro3.core import Field, RecordBatch

    from seqdrop.results.proteins import ModelOutput
    from seqdrop.results.provenance import Provenance

ROWS = 16_384  # most rows of a batch; wide rows have smaller batches, so that a batch has a few megabytes
GROUP = 8  # batches in a row group
META = "seqdrop"  # the metadata key of the provenance, which is JSON
LINES, TABLE = "embeddings.jsonl", "embeddings.parquet"


class Column(NamedTuple):
    """A column of a Parquet table."""

    name: str
    type: str | int
    """text, whole (64-bit integer), number (64-bit float), truth, error, or the length of a list of 32-bit floats."""
    constant: object = None
    """The value of all rows if the JSON Lines do not contain the column."""


ERROR_COLUMNS = [Column("item", "text"), Column("error", "error")]


def write_table(lines: Path, columns: Sequence[Column], provenance: Provenance | None, path: Path) -> None:
    """Write `columns` of a JSON Lines file as a Parquet table; the value of a key that a line lacks is null."""
    from arro3.core import RecordBatchReader, Schema
    from arro3.io import read_json, write_parquet

    fields = {column.name: _field(column) for column in columns}
    widest = max(column.type if isinstance(column.type, int) else 1 for column in columns)
    rows = max(1024, ROWS // widest)
    read = Schema([fields[column.name] for column in columns if column.constant is None])
    batches = _with_constants(read_json(str(lines), read, batch_size=rows), columns, fields, rows)
    write_parquet(
        RecordBatchReader.from_batches(Schema(list(fields.values())), batches),
        str(path),
        compression="zstd(3)",
        max_row_group_size=GROUP * rows,
        key_value_metadata={META: json.dumps(provenance)} if provenance else None,
    )


def _with_constants(
    batches: Iterable[RecordBatch], columns: Sequence[Column], fields: Mapping[str, Field], rows: int
) -> Iterator[RecordBatch]:
    """Yield each batch with the constant columns added."""
    from arro3.core import Array, RecordBatch, Schema

    schema = Schema(list(fields.values()))
    constants = {
        column.name: Array([column.constant] * rows, fields[column.name].type)
        for column in columns
        if column.constant is not None
    }
    for batch in batches:
        arrays = [
            constants[column.name].slice(0, batch.num_rows) if column.name in constants else batch.column(column.name)
            for column in columns
        ]
        yield RecordBatch.from_arrays(arrays, schema=schema)


def _field(column: Column) -> Field:
    from arro3.core import DataType, Field

    if isinstance(column.type, int):
        return Field(column.name, DataType.list(Field("item", DataType.float32()), column.type))
    if column.type == "error":
        parts = [Field("code", DataType.utf8()), Field("message", DataType.utf8())]
        return Field(column.name, DataType.struct(parts))
    types = {"text": DataType.utf8, "whole": DataType.int64, "number": DataType.float64, "truth": DataType.bool}
    return Field(column.name, types[column.type]())


def read_embedding_length(lines: Path) -> int:
    """Return the length of the embeddings in a JSON Lines file; 1 if there is no embedding."""
    with lines.open() as file:
        return next((len(row["embedding"]) for row in map(json.loads, file) if "embedding" in row), 1)


def write_embeddings(folder: Path, outputs: Iterable[ModelOutput], provenance: Provenance) -> None:
    """Write embeddings.jsonl and embeddings.parquet, with a row for each protein.

    Memory does not grow with the number of proteins.
    """
    with (folder / LINES).open("w") as file:
        for output in outputs:
            file.write(json.dumps(_json_row(output), separators=(",", ":")) + "\n")
    model = provenance["model"]
    columns = [
        Column("record", "text"),
        Column("length", "whole"),
        Column("embedding", read_embedding_length(folder / LINES)),
        Column("model", "text", model["name"]),
        Column("model_sha256", "text", model["sha256"]),
        *ERROR_COLUMNS,
    ]
    write_table(folder / LINES, columns, provenance, folder / TABLE)


def _json_row(output: ModelOutput) -> dict[str, object]:
    if isinstance(output, Failure):
        return {"record": output.record, "item": output.item, "error": output.error}
    if not isinstance(output, Embedded):
        raise TypeError(f"{type(output).__name__} is not an embedding")
    numbers = [float(f"{value:.6g}") for value in output.embedding.tolist()]
    return {"record": output.record, "length": output.length, "embedding": numbers}
