"""Prediction lines (model_code/prediction.schema.json) as rows of a table, counted on the way.

Each kind has rows of its own (seqdrop.kinds). Positions are 0-based half-open, on the record's forward strand. In place
of a prediction a row may have `not_scored` with the reason; a line that holds an error is one row: `item`, `error`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from seqdrop.errors import SeqdropError
from seqdrop.work.items import copies_of

DIGITS = ".4g"


class UnexpectedOutputError(SeqdropError):
    """The model answers in a way that is not model_code/prediction.schema.json's."""


@dataclass
class Counts:
    """Over one upload. `lines` must equal the number of work items, or something was lost.

    `windows` are masked stretches where the task is to fill them.
    """

    lines: int = 0
    windows: int = 0
    scored: int = 0
    calls: int = 0
    bases: int = 0
    """Bases in scored windows, each once a strand."""
    not_scored: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)
    copies: Counter | None = None  # windows, scored and calls of all reads, where a row stands for identical ones
    reach: dict = field(default_factory=dict)  # strand → record and end of its last scored window

    def as_dict(self) -> dict:
        plain = {"windows": self.windows, "scored": self.scored, "calls": self.calls}
        told = {**plain, "not_scored": dict(self.not_scored), "errors": dict(self.errors)}
        if self.copies is not None:
            told["of_all_reads"] = {name: self.copies[name] for name in plain}
        return told


RowMaker = Callable[[dict, dict], Iterator[dict]]
"""From an answer without an error, and what all its rows share, to its rows."""


def rows(lines: Iterable[bytes], make: RowMaker, counts: Counts, collapse: bool = False) -> Iterator[dict]:
    """Yield the rows of all lines, in order. Raises UnexpectedOutputError for a line of another shape than
    `make` knows.

    With `collapse`, identical records are one work item: a row has their `count`, and `record` is the first of them.
    """
    if collapse:
        counts.copies = Counter()
    for line in lines:
        if not line.strip():
            continue
        counts.lines += 1
        try:
            yield from list(_rows_of(json.loads(line), make, counts, collapse))
        except (ValueError, KeyError, TypeError) as error:
            raise UnexpectedOutputError(
                f"answer {counts.lines} of the model is of no known shape ({error!r})"
            ) from error


def _rows_of(answer: dict, make: RowMaker, counts: Counts, collapse: bool) -> Iterator[dict]:
    shared = {"count": copies_of(answer["id"])} if collapse else {}
    if "error" in answer:
        counts.errors[answer["error"]["code"]] += 1
        yield {"item": answer["id"], **shared, "error": answer["error"]}
        return
    yield from make(answer, shared)


def window_rows(
    answer: dict, shared: dict, counts: Counts, scored: str, complete: Callable[[dict], dict] = lambda row: row
) -> Iterator[dict]:
    """Yield a row for each window of an answer, counted. `scored` is the key of a prediction in a window's entry;
    `complete` adds to a row that has one."""
    for window in answer["windows"]:
        row = {"record": answer["record"], **shared, **window}
        if scored in row:
            row = complete(row)
        _count(row, counts, scored)
        yield row


def _count(row: dict, counts: Counts, scored_by: str) -> None:
    scored, call = scored_by in row, row.get("call", False)
    counts.windows += 1
    if counts.copies is not None:
        counts.copies.update(windows=row["count"], scored=row["count"] * scored, calls=row["count"] * call)
    if not scored:
        counts.not_scored[row["not_scored"]] += 1
        return
    counts.scored += 1
    counts.calls += call
    start, end, here = row["start"], row["end"], row["strand"]
    record, reached = counts.reach.get(here, (None, 0))
    counts.bases += end - (max(start, min(reached, end)) if record == row["record"] else start)
    counts.reach[here] = row["record"], end
