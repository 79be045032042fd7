"""Work items in, prediction lines out: the two sides of work_item.schema.json and prediction.schema.json.

The container has no JSON Schema package, so the few rules are checked by hand; a contract test holds this
module to the schemas. No message repeats what was in the line: sequences do not belong in logs or results.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

MOST_START = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly; no genome comes near."""

_SEQUENCE = re.compile(r"[A-Za-z*.-]*")


@dataclass(frozen=True)
class WorkItem:
    """A stretch of one record: `sequence` lies at `start` (0-based, forward strand) of `record`.

    `masks` are (start, end) in the record, each inside the stretch, ascending and apart; None if nothing was said.
    """

    id: str
    record: str
    start: int
    sequence: bytes
    masks: tuple[tuple[int, int], ...] | None = None


class BadLine(Exception):
    """A line that is no work item. `id` is the item's, where it could be read."""

    def __init__(self, code: str, message: str, id: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.id = code, message, id


def split_lines(body: bytes) -> Iterator[bytes]:
    """The lines of a request, one by one; only b"\\n" ends a line, and the last line may do without it."""
    position = 0
    while position < len(body):
        end = body.find(b"\n", position)
        end = len(body) if end < 0 else end
        yield body[position:end]
        position = end + 1


def parse_line(line: bytes) -> WorkItem:
    """The work item of one line; BadLine says what is wrong with any other."""
    fields = _json_object(line)
    id = fields.get("id") if isinstance(fields.get("id"), str) else None
    problem = _first_problem(fields)
    if problem:
        raise BadLine("not_a_work_item", problem, id)
    masks = tuple((int(start), int(end)) for start, end in fields["masks"]) if "masks" in fields else None
    return WorkItem(id, fields["record"], int(fields["start"]), fields["sequence"].encode("ascii"), masks)


def _json_object(line: bytes) -> dict:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadLine("not_utf8", f"byte {error.start} is not UTF-8") from None
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadLine("not_json", f"column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise BadLine("not_json", "a number too long or a nesting too deep") from None
    if not isinstance(found, dict):
        raise BadLine("not_a_work_item", "the line is not a JSON object")
    return found


def _first_problem(fields: dict) -> str | None:
    """What keeps `fields` from being a work item, or None."""
    missing = [name for name in ("id", "record", "start", "sequence") if name not in fields]
    if missing:
        return f"missing: {', '.join(missing)}"
    if unknown := len(set(fields) - {"id", "record", "start", "sequence", "masks"}):
        return f"{unknown} properties that a work item does not have"
    for name in ("id", "record"):
        if not isinstance(fields[name], str) or not fields[name]:
            return f"{name} must be a string that is not empty"
    if not _is_position(fields["start"]):
        return f"start must be a whole number from 0 to {MOST_START}"
    if not isinstance(fields["sequence"], str) or not _SEQUENCE.fullmatch(fields["sequence"]):
        return "sequence must be a string of letters, *, . and -"
    return _mask_problem(fields) if "masks" in fields else None


def _mask_problem(fields: dict) -> str | None:
    masks = fields["masks"]
    pairs = isinstance(masks, list) and all(isinstance(one, list) and len(one) == 2 for one in masks)
    if not pairs or not all(_is_position(place) for one in masks for place in one):
        return "masks must be a list of [start, end], positions in the record"
    before = fields["start"]
    for start, end in masks:
        if not before <= start < end <= fields["start"] + len(fields["sequence"]):
            return "masks must be ascending, apart, not empty and inside the sequence"
        before = end
    return None


def _is_position(value: object) -> bool:
    """JSON has one kind of number: 5 and 5.0 are the same position; true is none."""
    whole = type(value) is int or (type(value) is float and value.is_integer())
    return whole and 0 <= value <= MOST_START


def error_line(problem: BadLine) -> str:
    return json.dumps({"id": problem.id, "error": {"code": problem.code, "message": problem.message}})


def windows_line(item: WorkItem, windows: list[dict]) -> str:
    return json.dumps({"id": item.id, "record": item.record, "windows": windows}, separators=(",", ":"))


def masks_line(item: WorkItem, masks: list[dict]) -> str:
    return json.dumps({"id": item.id, "record": item.record, "masks": masks}, separators=(",", ":"))
