"""The Parquet table of structures: one row for each residue. Format: https://parquet.apache.org/docs/file-format/"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from seqdrop.results.proteins import STATES, STATES_8, UNIT, Failure, Protein
from seqdrop.results.tables import META

ROWS = 65_536  # of a batch, or as many as a protein has
GROUP = 524_288


def residue_table(found: Iterable[Protein | Failure], eight: bool, made_by: dict, path: Path) -> None:
    """Write all rows; `eight` says whether the model has DSSP's 8 states. Raises what iterating `found` raises."""
    from arro3.core import RecordBatchReader, Schema
    from arro3.io import write_parquet

    schema, held = Schema(_fields(eight)), _Held(found)
    batches = (_batch(part, schema, made_by) for part in _parts(held))
    write_parquet(
        RecordBatchReader.from_batches(schema, batches),
        str(path),
        compression="zstd(3)",
        max_row_group_size=GROUP,
        key_value_metadata={META: json.dumps(made_by)},
    )
    if held.error:
        raise held.error


class _Held:
    """Iterates, and keeps what is raised on the way: it would not come through the library as what it is."""

    def __init__(self, found: Iterable) -> None:
        self._found, self.error = found, None

    def __iter__(self) -> Iterator:
        try:
            yield from self._found
        except Exception as error:
            self.error = error


def _fields(eight: bool) -> list:
    from arro3.core import DataType, Field

    text, number = DataType.utf8(), DataType.float32()
    places = [Field("record", text), Field("position", DataType.int32()), Field("residue", text), Field("ss", text)]
    chances = [Field(f"p{state}", number) for state in STATES]
    more = [Field("ss8", text), *(Field(f"p8_{state}", number) for state in STATES_8)] if eight else []
    rest = [Field("model", text), Field("model_sha256", text), Field("item", text)]
    return [*places, *chances, *more, *rest, Field("error", DataType.struct(_error_fields()))]


def _error_fields() -> list:
    from arro3.core import DataType, Field

    return [Field("code", DataType.utf8()), Field("message", DataType.utf8())]


def _parts(found: Iterable[Protein | Failure]) -> Iterator[list[Protein | Failure]]:
    """As many as have ROWS rows, or one that has more."""
    part, rows = [], 0
    for one in found:
        part.append(one)
        rows += _rows(one)
        if rows >= ROWS:
            yield part
            part, rows = [], 0
    if part:
        yield part


def _rows(one: Protein | Failure) -> int:
    return 1 if isinstance(one, Failure) else len(one.sequence)


def _batch(part: list[Protein | Failure], schema, made_by: dict):
    from arro3.core import Array, RecordBatch

    columns: dict[str, list] = {field.name: [] for field in schema}
    for one in part:
        told = _of_failure(one) if isinstance(one, Failure) else _of_protein(one)
        told |= {"model": made_by["model"]["name"], "model_sha256": made_by["model"]["sha256"]}
        for name, column in columns.items():
            value = told.get(name)
            column.extend(value if isinstance(value, list) else [value] * _rows(one))
    errors = _errors(columns.pop("error"))
    arrays = [Array(column, schema.field(name).type) for name, column in columns.items()]
    return RecordBatch.from_arrays([*arrays, errors], schema=schema)


def _errors(found: list[dict | None]):
    from arro3.core import Array, DataType, struct_array

    fields, absent = _error_fields(), Array([one is None for one in found], DataType.bool())
    parts = [Array([one and one[field.name] for one in found], field.type) for field in fields]
    return struct_array(parts, fields=fields, mask=absent)


def _of_failure(one: Failure) -> dict:
    return {"record": one.record, "item": one.item, "error": [one.error]}


def _of_protein(one: Protein) -> dict:
    """Columns that differ from residue to residue as lists."""
    told = {
        "record": one.record,
        "position": list(range(1, len(one.sequence) + 1)),
        "residue": list(one.sequence),
        "ss": list(one.ss),
        **{f"p{state}": column for state, column in zip(STATES, (one.units.T / UNIT).tolist(), strict=True)},
    }
    if one.units8 is None:
        return told
    eight = zip(STATES_8, (one.units8.T / UNIT).tolist(), strict=True)
    return {**told, "ss8": list(one.ss8), **{f"p8_{state}": column for state, column in eight}}
