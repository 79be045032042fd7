"""Files of the task `structure`: a table of residues, 3-line FASTA, PSIPRED's .ss2, and JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path

from seqdrop.results.proteins import STATES, STATES_8, UNIT, Failure, Protein
from seqdrop.results.residues import residue_table
from seqdrop.results.ss2 import Ss2Archive

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
