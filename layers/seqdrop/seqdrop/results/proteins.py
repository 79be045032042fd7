"""Read the output lines of a protein model (model_code/protein_prediction.schema.json) together with their proteins.

An output line contains no sequence, so each line is read together with its work item; both are in the same order.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from seqdrop.results.rows import OutputError, UnexpectedOutputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

UNIT = 10_000
"""The probabilities of a residue are stored as whole numbers that add up to UNIT."""
STATES = "HEC"
STATES_8 = "GHIBESTC"
REDUCED = {"H": "GHI", "E": "BE", "C": "STC"}
"""The 8 states of DSSP by the 3 states: helices; strands and bridges; everything else."""


class ProteinItem(TypedDict):
    """A work item (model_code/protein_item.schema.json)."""

    id: str
    record: str
    alphabet: str
    sequence: str


class ProteinLine(TypedDict, total=False):
    """One output line. It has the keys of a structure, those of an embedding, or an `error`."""

    id: str
    classes: str
    labels: str
    probabilities: str
    """Base64 of a (residues, classes) array of little-endian unsigned 16-bit numbers, in units of 1 / UNIT."""
    length: int
    embedding: str
    """Base64 of little-endian 32-bit floats."""
    error: OutputError


@dataclass(frozen=True)
class Protein:
    """The predicted structure of one protein.

    If the model has 8 states, the probabilities of the 3 states are sums of theirs (REDUCED).
    """

    number: int
    """Number of its record in the file, from 1."""
    record: str
    sequence: str
    ss: str
    """The most probable of STATES for each residue."""
    units: NDArray[np.int32]
    """(residues, 3) in the order of STATES; a row adds up to UNIT."""
    ss8: str = ""
    units8: NDArray[np.int32] | None = None


@dataclass(frozen=True)
class Embedded:
    """The embedding of one protein."""

    record: str
    length: int
    embedding: NDArray[np.float32]


@dataclass(frozen=True)
class Failure:
    """A work item that the model could not process."""

    item: str
    record: str
    error: OutputError


ModelOutput = Protein | Embedded | Failure
Reader = Callable[[ProteinLine, ProteinItem], Protein | Embedded]
"""A function that reads an output line without an error, given its work item. It raises ValueError, KeyError or
TypeError if the line has another shape."""


@dataclass
class ProteinCounts:
    """Totals of one upload. If `lines` is not the number of work items, predictions were lost."""

    lines: int = 0
    proteins: int = 0
    residues: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    states8: Counter[str] = field(default_factory=Counter)
    sure: int = 0
    """Sum over all residues of the probability of the predicted state, in units of 1 / UNIT."""

    def as_dict(self) -> dict[str, object]:
        """Return the counts as summary.json contains them."""
        return {"proteins": self.proteins, "residues": self.residues, "errors": dict(self.errors)}

    def add(self, output: ModelOutput) -> None:
        """Count the output of one work item."""
        if isinstance(output, Failure):
            self.errors[output.error["code"]] += 1
            return
        self.proteins += 1
        self.residues += output.length if isinstance(output, Embedded) else len(output.sequence)
        if isinstance(output, Protein):
            self.states.update(output.ss)
            self.states8.update(output.ss8)
            self.sure += int(output.units.max(axis=1).sum())

    def structure(self) -> dict[str, object]:
        """Return the share of each state among all residues, and the mean probability of the predicted states."""
        composition = {state: round(self.states[state] / max(1, self.residues), 4) for state in STATES}
        structure: dict[str, object] = {"composition": composition}
        if self.states8:
            structure["composition8"] = {state: round(self.states8[state] / self.residues, 4) for state in STATES_8}
        return structure | {"mean_probability": round(self.sure / UNIT / max(1, self.residues), 4)}


def read_outputs(
    lines: Iterable[bytes], items: Iterable[bytes], read: Reader, counts: ProteinCounts
) -> Iterator[ModelOutput]:
    """Yield the content of output lines, in order; `counts` is updated on the way.

    Raise UnexpectedOutputError for a line that does not match its work item, or has none. Each item is read after its
    line, so that no item is read without a line; if lines are missing, `counts.lines` shows it.
    """
    items = iter(items)
    for line in lines:
        if not line.strip():
            continue
        counts.lines += 1
        try:
            output = _read_output(json.loads(line), json.loads(next(items)), read)
        except (ValueError, KeyError, TypeError, StopIteration) as error:
            message = f"line {counts.lines} of the model's output has an unknown shape ({error!r})"
            raise UnexpectedOutputError(message) from error
        counts.add(output)
        yield output


def _read_output(line: ProteinLine, item: ProteinItem, read: Reader) -> ModelOutput:
    if "error" in line:
        error: OutputError = {"code": str(line["error"]["code"]), "message": str(line["error"]["message"])}
        return Failure(item["id"], item["record"], error)
    if line["id"] != item["id"]:
        raise ValueError("it belongs to another work item")
    return read(line, item)


def read_structure(line: ProteinLine, item: ProteinItem) -> Protein:
    """Return the states and probabilities of all residues. Raise ValueError if the line has another shape."""
    sequence, classes, labels = item["sequence"], line["classes"], line["labels"]
    number = int(item["id"].split(":")[1])
    units = _units(line, len(sequence))
    if len(labels) != len(sequence) or not set(labels) <= set(classes):
        raise ValueError("its labels do not match its residues")
    if sorted(classes) == sorted(STATES):
        return Protein(number, item["record"], sequence, labels, _reorder(units, classes, STATES))
    if sorted(classes) != sorted(STATES_8):
        raise ValueError("its classes are not those of secondary structure")
    units8 = _reorder(units, classes, STATES_8)
    units3 = _reduce(units8)
    ss = "".join(STATES[index] for index in units3.argmax(axis=1).tolist())
    return Protein(number, item["record"], sequence, ss, units3, ss8=labels, units8=units8)


def _units(line: ProteinLine, length: int) -> NDArray[np.int32]:
    import numpy as np

    packed = base64.b64decode(line["probabilities"], validate=True)
    units = np.frombuffer(packed, "<u2").astype(np.int32).reshape(length, len(line["classes"]))
    if (units.sum(axis=1) != UNIT).any():
        raise ValueError("the probabilities of a residue do not add up to 1")
    return units


def _reorder(units: NDArray[np.int32], classes: str, order: str) -> NDArray[np.int32]:
    return units[:, [classes.index(state) for state in order]]


def _reduce(units8: NDArray[np.int32]) -> NDArray[np.int32]:
    import numpy as np

    columns = [units8[:, [STATES_8.index(state8) for state8 in REDUCED[state]]].sum(axis=1) for state in STATES]
    return np.stack(columns, axis=1)


def read_embedding(line: ProteinLine, item: ProteinItem) -> Embedded:
    """Return the embedding of a protein. Raise ValueError if the line has another shape or is of another protein."""
    import numpy as np

    numbers = np.frombuffer(base64.b64decode(line["embedding"], validate=True), "<f4").astype(np.float32, copy=False)
    if line["length"] != len(item["sequence"]) or not len(numbers):
        raise ValueError("it belongs to another protein")
    return Embedded(item["record"], line["length"], numbers)
