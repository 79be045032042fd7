"""Parsing of work items (protein_item.schema.json) and writing of prediction lines (protein_prediction.schema.json).

A contract test compares this module with the schemas. No message repeats the content of a line.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from common.json_lines import bad_item, check_fields, parse_object, prediction_line

LONGEST = 100_000
"""Maximum residues of a protein: twice the longest known protein, PKZILLA-1 with 45,212."""
UNIT = 10_000
"""Probabilities are transmitted as whole numbers that sum to UNIT: four decimals."""
FIELDS = ("id", "record", "alphabet", "sequence")

_RESIDUES = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True)
class ProteinItem:
    """A whole protein in upper case."""

    id: str
    record: str
    sequence: str


def parse_line(line: bytes) -> ProteinItem:
    """Return the work item of a line. Raise BadLineError, with the reason, for any other line."""
    fields = parse_object(line)
    check_fields(fields, FIELDS)
    if problem := _value_problem(fields):
        raise bad_item(fields, problem)
    return ProteinItem(fields["id"], fields["record"], fields["sequence"].upper())


def _value_problem(fields: dict[str, Any]) -> str | None:
    """Return the problem with the alphabet or the sequence; None if they are valid."""
    if fields["alphabet"] != "protein":
        return "alphabet must be protein: this model supports no other"
    if not isinstance(fields["sequence"], str) or not _RESIDUES.fullmatch(fields["sequence"]):
        return "sequence must be a string of one or more letters"
    if len(fields["sequence"]) > LONGEST:
        return f"sequence has more than {LONGEST} residues"
    return None


def structure_line(item: ProteinItem, classes: str, probabilities: np.ndarray) -> str:
    """Return the prediction line for probabilities (residues, classes), with the likeliest class of each residue."""
    units = to_units(probabilities)
    labels = "".join(classes[index] for index in units.argmax(axis=1).tolist())
    packed = base64.b64encode(units.astype("<u2").tobytes()).decode("ascii")
    return prediction_line(item, classes=classes, labels=labels, probabilities=packed)


def embedding_line(item: ProteinItem, embedding: np.ndarray) -> str:
    """Return the prediction line for an embedding (width,)."""
    packed = base64.b64encode(embedding.astype("<f4").tobytes()).decode("ascii")
    return prediction_line(item, length=len(item.sequence), embedding=packed)


def to_units(probabilities: np.ndarray) -> np.ndarray:
    """Return rows of probabilities as whole numbers that sum to UNIT, each within 1 of its exact share of UNIT.

    The remainder from rounding down goes to the largest fractions; among equal ones to the first.
    """
    exact = probabilities.astype(np.float64) * (UNIT / probabilities.sum(axis=1, keepdims=True, dtype=np.float64))
    units = np.floor(exact).astype(np.int64)
    left = UNIT - units.sum(axis=1, keepdims=True)
    rank = np.argsort(np.argsort(units - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return units + (rank < left)
