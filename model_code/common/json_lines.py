"""JSON Lines: requests of work items, error lines in the response, and files of training records.

The container has no JSON Schema package, so this module checks the few rules itself; contract tests compare the model
families with their schemas. No message repeats the content of a line: sequences must not appear in logs or results.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path


class Item(Protocol):
    """A work item of any model family."""

    id: str
    record: str


class BadLineError(Exception):
    """A line that is not a work item, or that cannot be predicted. `id` is the item's id, if it could be read."""

    def __init__(self, code: str, message: str, id: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.id = code, message, id


def split_lines(body: bytes) -> Iterator[bytes]:
    """Yield the lines of a request. Only a newline (LF) ends a line; the last line may lack it."""
    position = 0
    while position < len(body):
        end = body.find(b"\n", position)
        end = len(body) if end < 0 else end
        yield body[position:end]
        position = end + 1


def parse_object(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line. Raise BadLineError for anything else."""
    try:
        value = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadLineError("not_utf8", f"byte {error.start} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadLineError("not_json", f"column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError):
        raise BadLineError("not_json", "a number is too long, or the nesting is too deep") from None
    if not isinstance(value, dict):
        raise BadLineError("not_a_work_item", "the line is not a JSON object")
    return value


def check_fields(fields: dict[str, Any], required: Collection[str], optional: Collection[str] = ()) -> None:
    """Raise BadLineError if `fields` lacks a required property, or has one that is neither required nor optional.

    `id` and `record` must be required; both have to be non-empty strings.
    """
    if missing := [name for name in required if name not in fields]:
        raise bad_item(fields, f"missing: {', '.join(missing)}")
    if unknown := len(set(fields) - {*required, *optional}):
        raise bad_item(fields, f"{unknown} properties that a work item of this model does not have")
    for name in ("id", "record"):
        if not isinstance(fields[name], str) or not fields[name]:
            raise bad_item(fields, f"{name} must be a string that is not empty")


def bad_item(fields: dict[str, Any], message: str) -> BadLineError:
    """Return the BadLineError for an object that is not a work item."""
    return BadLineError("not_a_work_item", message, fields["id"] if isinstance(fields.get("id"), str) else None)


def error_line(problem: BadLineError) -> str:
    """Return the prediction line, without newline, that reports a bad line."""
    return json.dumps({"id": problem.id, "error": {"code": problem.code, "message": problem.message}})


def prediction_line(item: Item, **prediction: object) -> str:
    """Return the prediction line, without newline, of a work item."""
    return json.dumps({"id": item.id, "record": item.record, **prediction}, separators=(",", ":"))


def read_texts(path: Path, *names: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (place, texts) for each line of a file: "<file>, line <number>", and the values of the named properties.

    Raise ValueError for a line that is not a JSON object with these properties as strings. The message begins with the
    place.
    """
    expected = f"{', '.join(names[:-1])} and {names[-1]}"
    with path.open("rb") as handle:
        for number, line in enumerate(handle, start=1):
            place = f"{path.name}, line {number}"
            try:
                fields = parse_object(line)
            except BadLineError as problem:
                raise ValueError(f"{place}: not a JSON object with {expected} ({problem.message})") from None
            texts = [fields.get(name) for name in names]
            if not all(isinstance(text, str) for text in texts):
                raise ValueError(f"{place}: not a JSON object with {expected} as strings")
            yield place, texts
