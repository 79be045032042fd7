"""Work items in, prediction lines out: the two sides of protein_item.schema.json and protein_prediction.schema.json.

A contract test holds this module to the schemas. No message repeats what was in the line.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import numpy as np
from common.json_lines import bad_item, check_fields, parse_object, prediction_line

LONGEST = 100_000
"""Residues of the longest protein that is taken: twice the longest that is known, PKZILLA-1 with 45,212."""
UNIT = 10_000
"""Probabilities travel as whole numbers that are UNIT in sum: four decimals."""
FIELDS = ("id", "record", "alphabet", "sequence")

_LETTERS = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True)
class ProteinItem:
    """One protein, whole; upper case."""

    id: str
    record: str
    sequence: str


def parse_line(line: bytes) -> ProteinItem:
    """Return the work item of one line. Raise BadLineError, which says what is wrong, for any other line."""
    fields = parse_object(line)
    check_fields(fields, FIELDS)
    if problem := _value_problem(fields):
        raise bad_item(fields, problem)
    return ProteinItem(fields["id"], fields["record"], fields["sequence"].upper())


def _value_problem(fields: dict) -> str | None:
    """Return what is wrong with the alphabet or the sequence; None if nothing is."""
    if fields["alphabet"] != "protein":
        return "alphabet must be protein: this model knows no other"
    if not isinstance(fields["sequence"], str) or not _LETTERS.fullmatch(fields["sequence"]):
        return "sequence must be a string of letters, one at the least"
    if len(fields["sequence"]) > LONGEST:
        return f"sequence has more than {LONGEST} residues"
    return None


def structure_line(item: ProteinItem, classes: str, probabilities: np.ndarray) -> str:
    """The answer to an item: (residues, classes) probabilities, and of each residue the likeliest class."""
    units = in_units(probabilities)
    labels = "".join(classes[place] for place in units.argmax(axis=1).tolist())
    packed = base64.b64encode(units.astype("<u2").tobytes()).decode("ascii")
    return prediction_line(item, classes=classes, labels=labels, probabilities=packed)


def embedding_line(item: ProteinItem, embedding: np.ndarray) -> str:
    packed = base64.b64encode(embedding.astype("<f4").tobytes()).decode("ascii")
    return prediction_line(item, length=len(item.sequence), embedding=packed)


def in_units(probabilities: np.ndarray) -> np.ndarray:
    """Rows of probabilities as whole numbers that are UNIT in sum, each nearer than 1 to its share of UNIT.

    What rounding down leaves over goes to the largest remainders, the first of equals.
    """
    exact = probabilities.astype(np.float64) * (UNIT / probabilities.sum(axis=1, keepdims=True, dtype=np.float64))
    units = np.floor(exact).astype(np.int64)
    left = UNIT - units.sum(axis=1, keepdims=True)
    rank = np.argsort(np.argsort(units - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return units + (rank < left)
