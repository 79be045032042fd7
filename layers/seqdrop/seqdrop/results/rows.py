"""Prediction lines (model_code/prediction.schema.json) as rows of a table, counted on the way.

Each task has its rows. Positions are 0-based half-open, on the record's forward strand. In place of what the model
says a row may have `not_scored` with the reason; a line that the model could not answer is one row: `item`, `error`.

    promoter  record, start, end, strand, probability, calibrated (if the model has a calibration), call
    masked    record, start, end, rank (from 1, the likeliest), bases, probability: a row for each candidate
    embed     record, start, end, strand, embedding
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from seqdrop.config.kind_settings import ModelUse
from seqdrop.errors import SeqdropError
from seqdrop.work.items import copies_of, true_end

Scale = Callable[[float], float]
"""From the model's probability to the calibrated one."""
DIGITS = ".4g"


class UnknownAnswer(SeqdropError):
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


def rows(lines: Iterable[bytes], use: ModelUse, counts: Counts, scale: Scale | None = None) -> Iterator[dict]:
    """The rows of all lines, in order. Raises UnknownAnswer for a line of another shape than the task's.

    Where the analysis collapses identical reads, a row has their `count`, and `record` is the first of them.
    """
    if use.collapse:
        counts.copies = Counter()
    for line in lines:
        if not line.strip():
            continue
        counts.lines += 1
        try:
            yield from list(_rows_of(json.loads(line), use, counts, scale))
        except (ValueError, KeyError, TypeError) as error:
            raise UnknownAnswer(f"answer {counts.lines} of the model is of no known shape ({error!r})") from error


def _rows_of(answer: dict, use: ModelUse, counts: Counts, scale: Scale | None) -> Iterator[dict]:
    shared = {"count": copies_of(answer["id"])} if use.collapse else {}
    if "error" in answer:
        counts.errors[answer["error"]["code"]] += 1
        yield {"item": answer["id"], **shared, "error": answer["error"]}
        return
    if use.task == "masked":
        yield from _fills(answer, counts)
        return
    for window in answer["windows"]:
        row = {"record": answer["record"], **shared, **window}
        if use.task == "promoter" and "not_scored" not in window:
            if scale:
                row["calibrated"] = float(format(scale(window["probability"]), DIGITS))
            row["call"] = window["probability"] >= use.threshold
        _count(row, counts, "probability" if use.task == "promoter" else "embedding")
        yield row


def _fills(answer: dict, counts: Counts) -> Iterator[dict]:
    for mask in answer["masks"]:
        candidates = mask.pop("candidates", [])
        row = {"record": answer["record"], "start": mask["start"], "end": true_end(answer["id"], mask["end"])}
        counts.windows += 1
        counts.scored += bool(candidates)
        if not candidates:
            counts.not_scored[mask["not_scored"]] += 1
            yield {**row, "not_scored": mask["not_scored"]}
        for rank, candidate in enumerate(candidates, start=1):
            yield {**row, "rank": rank, "bases": candidate["bases"], "probability": candidate["probability"]}


def _count(row: dict, counts: Counts, told: str) -> None:
    scored, call = told in row, row.get("call", False)
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
