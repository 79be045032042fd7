"""Output lines of a DNA model (model_code/prediction.schema.json) as rows of a table, counted on the way.

Each kind has its own rows (seqdrop.kinds). Positions are 0-based half-open, on the record's forward strand. A row
without a prediction has `not_scored` with the reason; an output line with an error is one row with `item` and `error`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypedDict

from seqdrop.errors import SeqdropError
from seqdrop.work.items import copies_of

DIGITS = ".4g"


class UnexpectedOutputError(SeqdropError):
    """An output line of the model does not follow model_code/prediction.schema.json."""


class OutputError(TypedDict):
    """Why the model could not process a work item."""

    code: str
    message: str


class Candidate(TypedDict):
    """Bases that a masked interval may have, and their probability."""

    bases: str
    probability: float


class Mask(TypedDict, total=False):
    """The entry of one masked interval in an output line."""

    start: int
    end: int
    candidates: list[Candidate]
    not_scored: str


class Row(TypedDict, total=False):
    """One row of a table. Which columns it has depends on the kind.

    The entry of a window in an output line has some of these columns: its position, and a prediction or `not_scored`.
    """

    record: str
    count: int
    """Number of identical records, where they are collapsed."""
    start: int
    end: int
    strand: str
    probability: float
    embedding: list[float]
    calibrated: float
    call: bool
    rank: int
    bases: str
    not_scored: str
    item: str
    error: OutputError


Shared = Row
"""The columns that all rows of an output line share."""


class OutputLine(TypedDict, total=False):
    """One output line. `id` is that of the work item; there are `windows`, `masks` or an `error`."""

    id: str
    record: str
    windows: list[Row]
    masks: list[Mask]
    error: OutputError


@dataclass
class Counts:
    """Totals of one upload. `lines` must equal the number of work items, or predictions were lost.

    `windows` counts masked intervals where the task is to fill them.
    """

    lines: int = 0
    windows: int = 0
    scored: int = 0
    calls: int = 0
    bases: int = 0
    """Bases in scored windows, each counted once per strand."""
    not_scored: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    copies: Counter[str] | None = None  # windows, scored and calls of all reads, where a row stands for identical ones
    reach: dict[str, tuple[str, int]] = field(default_factory=dict)
    """By strand: record and end of its last scored window."""

    def as_dict(self) -> dict[str, object]:
        """Return the counts as summary.json has them."""
        plain = {"windows": self.windows, "scored": self.scored, "calls": self.calls}
        counts = {**plain, "not_scored": dict(self.not_scored), "errors": dict(self.errors)}
        if self.copies is not None:
            counts["of_all_reads"] = {name: self.copies[name] for name in plain}
        return counts


RowMaker = Callable[[OutputLine, Shared], Iterator[Row]]
"""A function from an output line without an error, and the columns that its rows share, to its rows."""


def rows(lines: Iterable[bytes], make: RowMaker, counts: Counts, collapse: bool = False) -> Iterator[Row]:
    """Yield the rows of all output lines, in order; `counts` is updated on the way.

    Raise UnexpectedOutputError for a line with another shape than `make` expects. With `collapse`, identical records
    are one work item: a row has their `count`, and `record` is the first of them.
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
            message = f"line {counts.lines} of the model's output has an unknown shape ({error!r})"
            raise UnexpectedOutputError(message) from error


def _rows_of(output: OutputLine, make: RowMaker, counts: Counts, collapse: bool) -> Iterator[Row]:
    shared: Shared = {"count": copies_of(output["id"])} if collapse else {}
    if "error" in output:
        counts.errors[output["error"]["code"]] += 1
        row: Row = {"item": output["id"]}
        row |= shared
        row["error"] = output["error"]
        yield row
        return
    yield from make(output, shared)


def window_rows(
    output: OutputLine,
    shared: Shared,
    counts: Counts,
    scored: str,
    complete: Callable[[Row], Row] = lambda row: row,
) -> Iterator[Row]:
    """Yield a row for each window of an output line; `counts` is updated on the way.

    `scored` is the key of the prediction in a window's entry. `complete` adds columns to a row that has a prediction.
    """
    for window in output["windows"]:
        row: Row = {"record": output["record"]}
        row |= shared
        row |= window
        if scored in row:
            row = complete(row)
        _count(row, counts, scored)
        yield row


def _count(row: Row, counts: Counts, prediction: str) -> None:
    scored, call = prediction in row, row.get("call", False)
    counts.windows += 1
    if counts.copies is not None:
        counts.copies.update(windows=row["count"], scored=row["count"] * scored, calls=row["count"] * call)
    if not scored:
        counts.not_scored[row["not_scored"]] += 1
        return
    counts.scored += 1
    counts.calls += call
    start, end, strand = row["start"], row["end"], row["strand"]
    record, reached = counts.reach.get(strand, ("", 0))
    counts.bases += end - (max(start, min(reached, end)) if record == row["record"] else start)
    counts.reach[strand] = row["record"], end
