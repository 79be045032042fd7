"""Work items in, prediction lines out: the two sides of protein_item.schema.json and protein_prediction.schema.json.

The container has no JSON Schema package, so the few rules are checked by hand; a contract test holds this module to
the schemas. No message repeats what was in the line: sequences do not belong in logs or results.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

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


class BadLine(Exception):
    """A line that is no work item, or one that has no answer. `id` is the item's, where it could be read."""

    def __init__(self, code: str, message: str, id: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.id = code, message, id


def split_lines(body: bytes) -> Iterator[bytes]:
    """The lines of a request; only b"\\n" ends a line, and the last line may do without it."""
    lines = body.split(b"\n")
    return iter(lines[:-1] if lines[-1] == b"" else lines)


def parse_line(line: bytes) -> ProteinItem:
    """The work item of one line; BadLine says what is wrong with any other."""
    fields = _json_object(line)
    id = fields.get("id") if isinstance(fields.get("id"), str) else None
    if problem := _first_problem(fields):
        raise BadLine("not_a_work_item", problem, id)
    return ProteinItem(id, fields["record"], fields["sequence"].upper())


def _json_object(line: bytes) -> dict:
    try:
        found = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLine("not_utf8", f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadLine("not_json", f"column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise BadLine("not_json", "a number too long or a nesting too deep") from None
    if not isinstance(found, dict):
        raise BadLine("not_a_work_item", "the line is not a JSON object")
    return found


def _first_problem(fields: dict) -> str | None:
    """What keeps `fields` from being a work item, or None."""
    if missing := [name for name in FIELDS if name not in fields]:
        return f"missing: {', '.join(missing)}"
    if unknown := len(set(fields) - set(FIELDS)):
        return f"{unknown} properties that a work item of proteins does not have"
    for name in ("id", "record"):
        if not isinstance(fields[name], str) or not fields[name]:
            return f"{name} must be a string that is not empty"
    if fields["alphabet"] != "protein":
        return "alphabet must be protein: this model knows no other"
    if not isinstance(fields["sequence"], str) or not _LETTERS.fullmatch(fields["sequence"]):
        return "sequence must be a string of letters, one at the least"
    if len(fields["sequence"]) > LONGEST:
        return f"sequence has more than {LONGEST} residues"
    return None


def error_line(problem: BadLine) -> str:
    return json.dumps({"id": problem.id, "error": {"code": problem.code, "message": problem.message}})


def structure_line(item: ProteinItem, classes: str, probabilities: np.ndarray) -> str:
    """The answer to an item: (residues, classes) probabilities, and of each residue the likeliest class."""
    units = in_units(probabilities)
    labels = "".join(classes[place] for place in units.argmax(axis=1).tolist())
    packed = base64.b64encode(units.astype("<u2").tobytes()).decode("ascii")
    return _line(item, classes=classes, labels=labels, probabilities=packed)


def embedding_line(item: ProteinItem, embedding: np.ndarray) -> str:
    packed = base64.b64encode(embedding.astype("<f4").tobytes()).decode("ascii")
    return _line(item, length=len(item.sequence), embedding=packed)


def _line(item: ProteinItem, **told) -> str:
    return json.dumps({"id": item.id, "record": item.record, **told}, separators=(",", ":"))


def in_units(probabilities: np.ndarray) -> np.ndarray:
    """Rows of probabilities as whole numbers that are UNIT in sum, each nearer than 1 to its share of UNIT.

    What rounding down leaves over goes to the largest remainders, the first of equals.
    """
    exact = probabilities.astype(np.float64) * (UNIT / probabilities.sum(axis=1, keepdims=True, dtype=np.float64))
    units = np.floor(exact).astype(np.int64)
    left = UNIT - units.sum(axis=1, keepdims=True)
    rank = np.argsort(np.argsort(units - exact, axis=1, kind="stable"), axis=1, kind="stable")
    return units + (rank < left)
