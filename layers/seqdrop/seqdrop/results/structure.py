"""Write the files of the kind `structure`: a table of residues, 3-line FASTA, PSIPRED's .ss2 (ss2.py), and JSON Lines.

The table is Parquet with one row for each residue. Format: https://parquet.apache.org/docs/file-format/
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

from seqdrop.results.proteins import STATES, STATES_8, UNIT, Failure, Protein
from seqdrop.results.ss2 import Ss2Archive
from seqdrop.results.tables import META

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from arro3.core import Array, Field, RecordBatch, Schema

    from seqdrop.results.proteins import ModelOutput
    from seqdrop.results.provenance import Provenance
    from seqdrop.results.rows import OutputError

ROWS = 65_536  # least number of rows of a batch except the last; a batch consists of whole proteins
GROUP = 524_288  # most rows of a row group of the Parquet file
LINES, TABLE, FASTA = "predictions.jsonl", "structure.parquet", "structure.fasta"

Structure = Protein | Failure


def write_structures(folder: Path, outputs: Iterable[ModelOutput], provenance: Provenance) -> None:
    """Write all files in one pass; memory does not grow with the number of proteins."""
    has_8_states, structures = _detect_states(_check(outputs))
    with TextFiles(folder) as files:
        write_residues(files.write(structures), has_8_states, provenance, folder / TABLE)


def _check(outputs: Iterable[ModelOutput]) -> Iterator[Structure]:
    for output in outputs:
        if not isinstance(output, Protein | Failure):
            raise TypeError(f"{type(output).__name__} is not a structure")
        yield output


def _detect_states(structures: Iterator[Structure]) -> tuple[bool, Iterator[Structure]]:
    """Return (whether the model has 8 states, all structures); the first prediction shows the states."""
    failures: list[Structure] = []
    for structure in structures:
        if isinstance(structure, Protein):
            return structure.units8 is not None, chain(failures, [structure], structures)
        failures.append(structure)
    return False, iter(failures)


def write_residues(structures: Iterable[Structure], has_8_states: bool, provenance: Provenance, path: Path) -> None:
    """Write the table of residues, with DSSP's 8 states if the model has them.

    Exceptions of the iterator `structures` are raised unchanged.
    """
    from arro3.core import RecordBatchReader, Schema
    from arro3.io import write_parquet

    schema, source = Schema(_fields(has_8_states)), _ErrorKeeper(structures)
    batches = (_batch(part, schema, provenance) for part in _parts(source))
    write_parquet(
        RecordBatchReader.from_batches(schema, batches),
        str(path),
        compression="zstd(3)",
        max_row_group_size=GROUP,
        key_value_metadata={META: json.dumps(provenance)},
    )
    if source.error:
        raise source.error


class _ErrorKeeper:
    """An iterable that ends at an exception of its source and keeps it as `error`.

    The library would replace the exception by one of another type.
    """

    def __init__(self, structures: Iterable[Structure]) -> None:
        self._structures = structures
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Structure]:
        with self:
            yield from self._structures

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self.error = error  # `write_residues` raises it after the library has returned
        return True


def _fields(has_8_states: bool) -> list[Field]:
    from arro3.core import DataType, Field

    text, number = DataType.utf8(), DataType.float32()
    places = [Field("record", text), Field("position", DataType.int32()), Field("residue", text), Field("ss", text)]
    probabilities = [Field(f"p{state}", number) for state in STATES]
    eight = [Field("ss8", text), *(Field(f"p8_{state}", number) for state in STATES_8)] if has_8_states else []
    rest = [Field("model", text), Field("model_sha256", text), Field("item", text)]
    return [*places, *probabilities, *eight, *rest, Field("error", DataType.struct(_error_fields()))]


def _error_fields() -> list[Field]:
    from arro3.core import DataType, Field

    return [Field("code", DataType.utf8()), Field("message", DataType.utf8())]


def _parts(structures: Iterable[Structure]) -> Iterator[list[Structure]]:
    """Yield lists of structures that have at least ROWS rows together, except the last list."""
    part: list[Structure] = []
    rows = 0
    for structure in structures:
        part.append(structure)
        rows += _count_rows(structure)
        if rows >= ROWS:
            yield part
            part, rows = [], 0
    if part:
        yield part


def _count_rows(structure: Structure) -> int:
    return 1 if isinstance(structure, Failure) else len(structure.sequence)


def _batch(part: list[Structure], schema: Schema, provenance: Provenance) -> RecordBatch:
    from arro3.core import Array, RecordBatch

    model = {"model": provenance["model"]["name"], "model_sha256": provenance["model"]["sha256"]}
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for structure in part:
        values = {**_column_values(structure), **model}
        for name, column in columns.items():
            value = values.get(name)
            column.extend(value if isinstance(value, list) else [value] * _count_rows(structure))
    errors = _error_array(columns.pop("error"))
    arrays = [Array(column, schema.field(name).type) for name, column in columns.items()]
    return RecordBatch.from_arrays([*arrays, errors], schema=schema)


def _error_array(errors: list[OutputError | None]) -> Array:
    from arro3.core import Array, DataType, struct_array

    absent = Array([error is None for error in errors], DataType.bool())
    codes = Array([error and error["code"] for error in errors], DataType.utf8())
    messages = Array([error and error["message"] for error in errors], DataType.utf8())
    return struct_array([codes, messages], fields=_error_fields(), mask=absent)


def _column_values(structure: Structure) -> dict[str, object]:
    """Return {column: its values}; a list has a value for each row, any other value is that of all rows."""
    if isinstance(structure, Failure):
        return {"record": structure.record, "item": structure.item, "error": [structure.error]}
    values: dict[str, object] = {
        "record": structure.record,
        "position": list(range(1, len(structure.sequence) + 1)),
        "residue": list(structure.sequence),
        "ss": list(structure.ss),
        **_probabilities(structure),
    }
    if structure.units8 is not None:
        values["ss8"] = list(structure.ss8)
    return values | _probabilities_8(structure)


def _probabilities(protein: Protein) -> dict[str, list[float]]:
    """Return {column: the probability of its state for each residue} for the 3 states."""
    columns = (protein.units.T / UNIT).tolist()
    return {f"p{state}": column for state, column in zip(STATES, columns, strict=True)}


def _probabilities_8(protein: Protein) -> dict[str, list[float]]:
    """Return {column: the probability of its state for each residue} for the 8 states; {} if the model has 3."""
    if protein.units8 is None:
        return {}
    columns = (protein.units8.T / UNIT).tolist()
    return {f"p8_{state}": column for state, column in zip(STATES_8, columns, strict=True)}


class TextFiles(ExitStack):
    """A context manager that writes all files except the table."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._lines = self.enter_context((folder / LINES).open("w"))
        self._fasta = self.enter_context((folder / FASTA).open("w"))
        self._ss2 = self.enter_context(Ss2Archive(folder))

    def write(self, structures: Iterable[Structure]) -> Iterator[Structure]:
        """Write each structure to all files, then yield it."""
        for structure in structures:
            self._lines.write(json.dumps(_json_line(structure), separators=(",", ":")) + "\n")
            if isinstance(structure, Protein):
                self._fasta.write(f">{structure.record}\n{structure.sequence}\n{structure.ss}\n")
                self._ss2.add(structure)
            yield structure


def _json_line(structure: Structure) -> dict[str, object]:
    """Return a structure as JSON; lists have a probability for each residue."""
    if isinstance(structure, Failure):
        return {"record": structure.record, "item": structure.item, "error": structure.error}
    line: dict[str, object] = {
        "record": structure.record,
        "length": len(structure.sequence),
        "ss": structure.ss,
        **_probabilities(structure),
    }
    if structure.units8 is not None:
        line["ss8"] = structure.ss8
    return line | _probabilities_8(structure)
