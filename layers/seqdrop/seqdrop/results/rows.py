"""Prediction lines (model_code/prediction.schema.json) as rows, one for each window, counted on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from seqdrop.analyses import ModelUse
from seqdrop.errors import SeqdropError


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

    def as_dict(self) -> dict:
        plain = {"windows": self.windows, "scored": self.scored, "calls": self.calls}
        return {**plain, "not_scored": dict(self.not_scored), "errors": dict(self.errors)}


def rows(lines: Iterable[bytes], use: ModelUse, counts: Counts) -> Iterator[dict]:
    """One row for each window, in order; a line the model could not answer becomes one row with its error.

    A row has record, start, end (0-based half-open, forward strand), strand, and either probability and
    call (probability ≥ threshold), or not_scored with the reason. Raises UnknownAnswer for any other line.
    """
    for line in lines:
        if not line.strip():
            continue
        counts.lines += 1
        try:
            yield from list(_rows_of(json.loads(line), use, counts))
        except (ValueError, KeyError, TypeError) as error:
            raise UnknownAnswer(f"answer {counts.lines} of the model is of no known shape ({error!r})") from error


def _rows_of(answer: dict, use: ModelUse, counts: Counts) -> Iterator[dict]:
    if "error" in answer:
        counts.errors[answer["error"]["code"]] += 1
        yield {"item": answer["id"], "error": answer["error"]}
        return
    for window in answer["windows"]:
        yield _row(answer["record"], window, use, counts)


def _row(record: str, window: dict, use: ModelUse, counts: Counts) -> dict:
    counts.windows += 1
    row = {"record": record, **window}
    if "not_scored" in window:
        counts.not_scored[window["not_scored"]] += 1
        return row
    row["call"] = window["probability"] >= use.threshold
    counts.scored += 1
    counts.calls += row["call"]
    return row
