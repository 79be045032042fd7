"""Work items in, prediction lines out: the two sides of work_item.schema.json and prediction.schema.json.

A contract test holds this module to the schemas. No message repeats what was in the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from common.json_lines import bad_item, check_fields, parse_object, prediction_line

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


def parse_line(line: bytes) -> WorkItem:
    """Return the work item of one line. Raise BadLineError, which says what is wrong, for any other line."""
    fields = parse_object(line)
    check_fields(fields, ("id", "record", "start", "sequence"), optional=("masks",))
    if problem := _value_problem(fields):
        raise bad_item(fields, problem)
    masks = tuple((int(start), int(end)) for start, end in fields["masks"]) if "masks" in fields else None
    sequence = fields["sequence"].encode("ascii")
    return WorkItem(fields["id"], fields["record"], int(fields["start"]), sequence, masks)


def _value_problem(fields: dict) -> str | None:
    """Return what is wrong with the start, the sequence or the masks; None if nothing is."""
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


def windows_line(item: WorkItem, windows: list[dict]) -> str:
    return prediction_line(item, windows=windows)


def masks_line(item: WorkItem, masks: list[dict]) -> str:
    return prediction_line(item, masks=masks)
