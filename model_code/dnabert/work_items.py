"""Parsing of work items (work_item.schema.json) and writing of prediction lines (prediction.schema.json).

A contract test compares this module with the schemas. No message repeats the content of a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from common.json_lines import bad_item, check_fields, parse_object, prediction_line

MOST_START = 2**53 - 1
"""The largest whole number that every JSON reader represents exactly; far beyond any genome."""

_SEQUENCE = re.compile(r"[A-Za-z*.-]*")


@dataclass(frozen=True)
class WorkItem:
    """An interval of one record: `sequence` begins at `start` (0-based, forward strand) of `record`.

    `masks` are (start, end) in the record, ascending, not overlapping and inside the interval; None if the line has no
    masks.
    """

    id: str
    record: str
    start: int
    sequence: bytes
    masks: tuple[tuple[int, int], ...] | None = None


def parse_line(line: bytes) -> WorkItem:
    """Return the work item of a line. Raise BadLineError, with the reason, for any other line."""
    fields = parse_object(line)
    check_fields(fields, ("id", "record", "start", "sequence"), optional=("masks",))
    if problem := _value_problem(fields):
        raise bad_item(fields, problem)
    masks = tuple((int(start), int(end)) for start, end in fields["masks"]) if "masks" in fields else None
    sequence = fields["sequence"].encode("ascii")
    return WorkItem(fields["id"], fields["record"], int(fields["start"]), sequence, masks)


def _value_problem(fields: dict[str, Any]) -> str | None:
    """Return the problem with the start, the sequence or the masks; None if they are valid."""
    if not _is_position(fields["start"]):
        return f"start must be a whole number from 0 to {MOST_START}"
    if not isinstance(fields["sequence"], str) or not _SEQUENCE.fullmatch(fields["sequence"]):
        return "sequence must be a string of letters, *, . and -"
    return _mask_problem(fields) if "masks" in fields else None


def _mask_problem(fields: dict[str, Any]) -> str | None:
    masks = fields["masks"]
    are_pairs = isinstance(masks, list) and all(isinstance(mask, list) and len(mask) == 2 for mask in masks)
    if not are_pairs or not all(_is_position(position) for mask in masks for position in mask):
        return "masks must be a list of [start, end], positions in the record"
    before = fields["start"]
    for start, end in masks:
        if not before <= start < end <= fields["start"] + len(fields["sequence"]):
            return "masks must be ascending, not empty, not overlapping and inside the sequence"
        before = end
    return None


def _is_position(value: object) -> bool:
    """Return True for a number from 0 to MOST_START that is whole.

    JSON has one kind of number: 5 and 5.0 are the same position. A boolean is not a number.
    """
    is_whole = type(value) is int or (type(value) is float and value.is_integer())
    return is_whole and 0 <= value <= MOST_START


def windows_line(item: WorkItem, windows: list[dict[str, Any]]) -> str:
    """Return the prediction line of an item's windows."""
    return prediction_line(item, windows=windows)


def masks_line(item: WorkItem, masks: list[dict[str, Any]]) -> str:
    """Return the prediction line of an item's masked intervals."""
    return prediction_line(item, masks=masks)
