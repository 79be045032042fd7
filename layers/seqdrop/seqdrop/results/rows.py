"""Read the output lines of a DNA model (model_code/prediction.schema.json) as rows of a table, and count them.

Each kind defines its own rows (seqdrop.kinds). Positions are 0-based half-open, on the record's forward strand. A row
without a prediction has the reason as `not_scored`. An output line with an error is one row with `item` and `error`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

from seqdrop.errors import SeqdropError
from seqdrop.work.items import copies_of

if TYPE_CHECKING:
    from seqdrop.results.distribution import Distribution

DIGITS = ".4g"


class UnexpectedOutputError(SeqdropError):
    """An output line of the model that does not follow its schema (model_code/*prediction.schema.json)."""


class OutputError(TypedDict):
    """The reason why the model could not process a work item."""

    code: str
    message: str


class Candidate(TypedDict):
    """A sequence that the model predicts for a masked interval, and its probability."""

    bases: str
    probability: float


class Mask(TypedDict, total=False):
    """The entry of one masked interval in an output line."""

    start: int
    end: int
    candidates: list[Candidate]
    not_scored: str


class Row(TypedDict, total=False):
    """One row of a table. The kind and the prediction determine which columns it has.

    The entry of a window in an output line is also a Row, with the position and either a prediction or `not_scored`.
    """

    record: str
    count: int
    """Number of identical records that the row represents, if identical records are scored once."""
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
"""The columns that have the same value in all rows of an output line."""


class OutputLine(TypedDict, total=False):
    """One output line. `id` is the id of the work item; the line has `windows`, `masks` or an `error`."""

    id: str
    record: str
    windows: list[Row]
    masks: list[Mask]
    error: OutputError


@dataclass
class Counts:
    """Totals of one upload. If `lines` is not the number of work items, predictions were lost.

    In the masked task, `windows` is the number of masked intervals.
    """

    lines: int = 0
    windows: int = 0
    scored: int = 0
    calls: int = 0
    bases: int = 0
    """Bases covered by scored windows; a base that is covered on both strands counts twice."""
    not_scored: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    copies: Counter[str] | None = None  # windows, scored and calls over all reads, if identical ones are scored once
    probabilities: Distribution | None = None  # of scored windows, if the kind has a probability
    reach: dict[str, tuple[str, int]] = field(default_factory=dict)
    """{strand: (record of the last scored window, end of that window)}."""

    def as_dict(self) -> dict[str, object]:
        """Return the counts as summary.json contains them."""
        plain = {"windows": self.windows, "scored": self.scored, "calls": self.calls}
        counts = {**plain, "not_scored": dict(self.not_scored), "errors": dict(self.errors)}
        if self.copies is not None:
            counts["of_all_reads"] = {name: self.copies[name] for name in plain}
        return counts


RowMaker = Callable[[OutputLine, Shared], Iterator[Row]]
"""A function that yields the rows of an output line without an error, given the columns that its rows share."""


def rows(lines: Iterable[bytes], make: RowMaker, counts: Counts, collapse: bool = False) -> Iterator[Row]:
    """Yield the rows of all output lines, in order; `counts` is updated on the way.

    Raise UnexpectedOutputError if a line does not have the shape that `make` expects. If `collapse`, a work item
    represents identical records: its rows have their number as `count`, and `record` is the first of them.
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
