"""The Parquet table of structures: one row for each residue. Format: https://parquet.apache.org/docs/file-format/

Structures as PSIPRED's vertical format, one file for each protein, in a tar archive (`tar xzf`).

Format: a comment line `# PSIPRED VFORMAT (…)`, a blank line, then for each residue `%4d %c %c  %6.3f %6.3f %6.3f`:
its number from 1, the residue, its state, and the probabilities of coil, helix and strand. Readers of it take one
protein a file, and skip the first two lines or what begins with `#`, so there is no further comment.

Files of the task `structure`: a table of residues, 3-line FASTA, PSIPRED's .ss2, and JSON Lines.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from itertools import chain
from typing import TYPE_CHECKING

from seqdrop import __version__
from seqdrop.models.packing import TarGz
from seqdrop.results.proteins import STATES, STATES_8, UNIT, Failure, Protein
from seqdrop.results.tables import META

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

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


NAME = "structure.ss2.tar.gz"
HEADER = f"# PSIPRED VFORMAT (SEQDROP V{__version__})\n\n"
COIL, HELIX, STRAND = 2, 0, 1  # columns of Protein.units
UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
MOST_NAME = 80  # characters of a record's name in a file's
LEVEL = 4  # of gzip: a quarter of level 9's time, a twentieth more room


def ss2(protein: Protein) -> str:
    """The file of one protein."""
    chances = (protein.units[:, [COIL, HELIX, STRAND]] / UNIT).tolist()
    lines = [
        f"{number:4d} {residue} {state}  {coil:6.3f} {helix:6.3f} {strand:6.3f}\n"
        for number, (residue, state, (coil, helix, strand)) in enumerate(
            zip(protein.sequence, protein.ss, chances, strict=True), start=1
        )
    ]
    return HEADER + "".join(lines)


def file_name(protein: Protein) -> str:
    """Unique in an upload, by the record's number, and such that any system takes it."""
    return f"{protein.number}_{UNSAFE.sub('_', protein.record)[:MOST_NAME]}.ss2"


class Ss2Archive(ExitStack):
    """The archive of all proteins; a context manager. Holds one protein at a time."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._archive = self.enter_context(TarGz(self.enter_context((folder / NAME).open("wb")), LEVEL))

    def add(self, protein: Protein) -> None:
        self._archive.add(file_name(protein), ss2(protein).encode("ascii"))


LINES, TABLE, FASTA = "predictions.jsonl", "structure.parquet", "structure.fasta"


def write_structures(folder: Path, found: Iterable[Protein | Failure], made_by: dict) -> None:
    """Write all files in one pass; memory does not grow with the number of proteins."""
    eight, found = _has_eight(found)
    with Others(folder) as others:
        residue_table(others.passing(found), eight, made_by, folder / TABLE)


def _has_eight(found: Iterable[Protein | Failure]) -> tuple[bool, Iterator[Protein | Failure]]:
    """Whether the model has 8 states, which its first answer tells; and all of `found`."""
    found, failures = iter(found), []
    for one in found:
        if isinstance(one, Protein):
            return one.units8 is not None, chain(failures, [one], found)
        failures.append(one)
    return False, iter(failures)


class Others(ExitStack):
    """The files beside the table; a context manager."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._lines = self.enter_context((folder / LINES).open("w"))
        self._fasta = self.enter_context((folder / FASTA).open("w"))
        self._ss2 = self.enter_context(Ss2Archive(folder))

    def passing(self, found: Iterable[Protein | Failure]) -> Iterator[Protein | Failure]:
        """Hand on what was found, written."""
        for one in found:
            self._lines.write(json.dumps(as_line(one), separators=(",", ":")) + "\n")
            if isinstance(one, Protein):
                self._fasta.write(f">{one.record}\n{one.sequence}\n{one.ss}\n")
                self._ss2.add(one)
            yield one


def as_line(one: Protein | Failure) -> dict:
    """A protein as a line of JSON: lists have a number for each residue."""
    if isinstance(one, Failure):
        return {"record": one.record, "item": one.item, "error": one.error}
    chances = zip(STATES, (one.units.T / UNIT).tolist(), strict=True)
    told = {"record": one.record, "length": len(one.sequence), "ss": one.ss, **{f"p{s}": p for s, p in chances}}
    if one.units8 is None:
        return told
    eight = zip(STATES_8, (one.units8.T / UNIT).tolist(), strict=True)
    return {**told, "ss8": one.ss8, **{f"p8_{state}": column for state, column in eight}}
