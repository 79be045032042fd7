"""Prediction lines (model_code/prediction.schema.json) as rows, one for each window, counted on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from seqdrop.analyses import ModelUse
from seqdrop.errors import SeqdropError
from seqdrop.shards import copies_of


class UnknownAnswer(SeqdropError):
    """The model answers in a way that is not model_code/prediction.schema.json's."""


@dataclass
class Counts:
    """Over one upload. `lines` must equal the number of work items, or something was lost."""

    lines: int = 0
    windows: int = 0
    scored: int = 0
    calls: int = 0
    not_scored: Counter = field(default_factory=Counter)
    errors: Counter = field(default_factory=Counter)
    copies: Counter | None = None  # windows, scored and calls of all reads, where a row stands for identical ones

    def as_dict(self) -> dict:
        plain = {"windows": self.windows, "scored": self.scored, "calls": self.calls}
        told = {**plain, "not_scored": dict(self.not_scored), "errors": dict(self.errors)}
        if self.copies is not None:
            told["of_all_reads"] = {name: self.copies[name] for name in plain}
        return told


def rows(lines: Iterable[bytes], use: ModelUse, counts: Counts) -> Iterator[dict]:
    """One row for each window, in order; a line the model could not answer becomes one row with its error.

    A row has record, start, end (0-based half-open, forward strand), strand, and either probability and
    call (probability ≥ threshold), or not_scored with the reason. Where the analysis collapses identical reads, a row
    has their `count`, and `record` is the first of them. Raises UnknownAnswer for any other line.
    """
    if use.collapse:
        counts.copies = Counter()
    for line in lines:
        if not line.strip():
            continue
        counts.lines += 1
        try:
            yield from list(_rows_of(json.loads(line), use, counts))
        except (ValueError, KeyError, TypeError) as error:
            raise UnknownAnswer(f"answer {counts.lines} of the model is of no known shape ({error!r})") from error


def _rows_of(answer: dict, use: ModelUse, counts: Counts) -> Iterator[dict]:
    shared = {"count": copies_of(answer["id"])} if use.collapse else {}
    if "error" in answer:
        counts.errors[answer["error"]["code"]] += 1
        yield {"item": answer["id"], **shared, "error": answer["error"]}
        return
    for window in answer["windows"]:
        row = {"record": answer["record"], **shared, **window}
        if "not_scored" not in window:
            row["call"] = window["probability"] >= use.threshold
        _count(row, counts)
        yield row


def _count(row: dict, counts: Counts) -> None:
    scored, call = "call" in row, row.get("call", False)
    counts.windows += 1
    counts.scored += scored
    counts.calls += call
    if not scored:
        counts.not_scored[row["not_scored"]] += 1
    if counts.copies is not None:
        counts.copies.update(windows=row["count"], scored=row["count"] * scored, calls=row["count"] * call)
