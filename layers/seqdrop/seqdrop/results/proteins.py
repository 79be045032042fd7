"""Answers of a protein model (model_code/protein_prediction.schema.json), each with the protein that it is of.

An answer has no sequence, so it is read beside the work item that it answers; both come in one order.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seqdrop.results.rows import UnexpectedOutputError

if TYPE_CHECKING:
    import numpy as np

UNIT = 10_000
"""Whole numbers that are UNIT in sum stand for a residue's probabilities."""
STATES = "HEC"
STATES_8 = "GHIBESTC"
REDUCED = {"H": "GHI", "E": "BE", "C": "STC"}
"""DSSP's 8 states as 3: helices, strands and bridges, all else."""


@dataclass(frozen=True)
class Protein:
    """What the model says of one protein. Of a model of 8 states, the 3 are their sums (REDUCED)."""

    number: int
    """Of its record in the file, from 1."""
    record: str
    sequence: str
    ss: str
    """Of each residue the likeliest of STATES."""
    units: np.ndarray
    """(residues, 3) in the order of STATES."""
    ss8: str = ""
    units8: np.ndarray | None = None


@dataclass(frozen=True)
class Embedded:
    """One protein's embedding."""

    record: str
    length: int
    embedding: np.ndarray


@dataclass(frozen=True)
class Failure:
    """A work item that the model could not answer."""

    item: str
    record: str
    error: dict


@dataclass
class ProteinCounts:
    """Over one upload. `lines` must equal the number of work items, or something was lost."""

    lines: int = 0
    proteins: int = 0
    residues: int = 0
    errors: Counter = field(default_factory=Counter)
    states: Counter = field(default_factory=Counter)
    states8: Counter = field(default_factory=Counter)
    sure: int = 0
    """The units of the states that were told, in sum."""

    def as_dict(self) -> dict:
        return {"proteins": self.proteins, "residues": self.residues, "errors": dict(self.errors)}

    def add(self, found: Protein | Embedded | Failure) -> None:
        if isinstance(found, Failure):
            self.errors[found.error["code"]] += 1
            return
        self.proteins += 1
        self.residues += found.length if isinstance(found, Embedded) else len(found.sequence)
        if isinstance(found, Protein):
            self.states.update(found.ss)
            self.states8.update(found.ss8)
            self.sure += int(found.units.max(axis=1).sum())

    def structure(self) -> dict:
        """The share of each state among all residues, and how sure the model was of what it told."""
        told = {"composition": {one: round(self.states[one] / max(1, self.residues), 4) for one in STATES}}
        if self.states8:
            told["composition8"] = {one: round(self.states8[one] / self.residues, 4) for one in STATES_8}
        return told | {"mean_probability": round(self.sure / UNIT / max(1, self.residues), 4)}


Answer = Protein | Embedded | Failure
Reader = Callable[[dict, dict], Protein | Embedded]
"""From an answer without an error, and its work item, to what it says. Raises ValueError, KeyError or TypeError."""


def answered(lines: Iterable[bytes], items: Iterable[bytes], read: Reader, counts: ProteinCounts) -> Iterator[Answer]:
    """What was answered, in order, counted on the way. Raises UnexpectedOutputError for a line that is no
    answer to its item.

    A line comes first, then its item: where lines end early the count tells, and no item is asked for in vain.
    """
    items = iter(items)
    for line in lines:
        if not line.strip():
            continue
        counts.lines += 1
        try:
            found = _answer(json.loads(line), json.loads(next(items)), read)
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            raise UnexpectedOutputError(
                f"answer {counts.lines} of the model is of no known shape ({error!r})"
            ) from error
        counts.add(found)
        yield found


def _answer(answer: dict, item: dict, read: Reader) -> Answer:
    if "error" in answer:
        told = {name: str(answer["error"][name]) for name in ("code", "message")}
        return Failure(item["id"], item["record"], told)
    if answer["id"] != item["id"]:
        raise ValueError("it is of another work item")
    return read(answer, item)


def read_structure(answer: dict, item: dict) -> Protein:
    """Return the states and probabilities of each residue. Raises ValueError for an answer of another shape."""
    sequence, classes = item["sequence"], answer["classes"]
    units = _units(answer, len(sequence))
    told = answer["labels"]
    if len(told) != len(sequence) or not set(told) <= set(classes):
        raise ValueError("its labels are not those of its residues")
    whole = {"number": int(item["id"].split(":")[1]), "record": item["record"], "sequence": sequence}
    if sorted(classes) == sorted(STATES):
        return Protein(**whole, ss=told, units=_ordered(units, classes, STATES))
    if sorted(classes) != sorted(STATES_8):
        raise ValueError("its classes are none of secondary structure")
    ordered = _ordered(units, classes, STATES_8)
    three = _reduced(ordered)
    ss = "".join(STATES[place] for place in three.argmax(axis=1).tolist())
    return Protein(**whole, ss=ss, units=three, ss8=told, units8=ordered)


def _units(answer: dict, length: int) -> np.ndarray:
    import numpy as np

    packed = base64.b64decode(answer["probabilities"], validate=True)
    units = np.frombuffer(packed, "<u2").astype(np.int32).reshape(length, len(answer["classes"]))
    if (units.sum(axis=1) != UNIT).any():
        raise ValueError("the probabilities of a residue are not 1 in sum")
    return units


def _ordered(units: np.ndarray, classes: str, wanted: str) -> np.ndarray:
    return units[:, [classes.index(one) for one in wanted]]


def _reduced(units8: np.ndarray) -> np.ndarray:
    import numpy as np

    columns = [units8[:, [STATES_8.index(one) for one in REDUCED[state]]].sum(axis=1) for state in STATES]
    return np.stack(columns, axis=1)


def read_embedding(answer: dict, item: dict) -> Embedded:
    """Return the embedding. Raises ValueError for an answer of another shape."""
    import numpy as np

    numbers = np.frombuffer(base64.b64decode(answer["embedding"], validate=True), "<f4")
    if answer["length"] != len(item["sequence"]) or not len(numbers):
        raise ValueError("it is of another protein")
    return Embedded(item["record"], answer["length"], numbers)
