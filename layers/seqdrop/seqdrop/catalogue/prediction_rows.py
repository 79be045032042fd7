"""The rows of an upload's attempts that have ended, and of the calls in their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.catalogue.upload_rows import Row, subject_columns
from seqdrop.results.writer import result_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.catalogue.facts import Document, UploadFacts
    from seqdrop.ledger.records import Attempt

CALLS = "calls.bed"  # a file of results with coordinates on a genome


def prediction_rows(facts: UploadFacts) -> list[Row]:
    """Return a row for each attempt of an upload that has predictions, or failed.

    Predictions of a deleted upload whose results were deleted as well have no row.
    """
    rows = []
    for attempt in facts.attempts:
        if summary := facts.summaries.get(attempt.key):
            rows.append({**_common(facts, attempt), **_describe_summary(attempt, summary)})
        elif attempt.state == "FAILED":
            rows.append({**_common(facts, attempt), "state": "FAILED", "reason": attempt.reason, "job": attempt.job})
    return [{name: value for name, value in row.items() if value not in (None, "")} for row in rows]


def _common(facts: UploadFacts, attempt: Attempt) -> Row:
    return {**subject_columns(facts), "analysis": attempt.analysis, "attempt": attempt.number}


def _describe_summary(attempt: Attempt, summary: Document) -> Row:
    counts = summary.get("counts", {})
    calls = summary.get("calls") or {}
    return {
        **_model(summary),
        "state": "PREDICTED",
        "job": summary.get("job"),
        "version": summary.get("seqdrop"),
        "windows": counts.get("windows", counts.get("proteins")),
        "calls": calls.get("kept", calls.get("windows")),
        "usd": (summary.get("computed") or {}).get("usd"),
        "results": result_key(attempt, ""),
    }


def _model(summary: Document) -> Row:
    model = summary.get("model") or {}
    return {"model": model.get("name"), "model_sha256": model.get("sha256")}


def attempts_with_calls(facts: UploadFacts) -> list[Attempt]:
    """Return the attempts of an upload whose results have a file of calls."""
    return [each for each in facts.attempts if CALLS in facts.summaries.get(each.key, {}).get("files", [])]


def call_rows(facts: UploadFacts, attempt: Attempt, lines: Iterable[str]) -> Iterator[Row]:
    """Yield a row for each call in the lines of an attempt's calls.bed (results/annotations.py writes them)."""
    common = {**_common(facts, attempt), **_model(facts.summaries[attempt.key])}
    common = {name: value for name, value in common.items() if value not in (None, "")}
    for line in lines:
        fields = line.rstrip("\n").split("\t")
        if line.startswith("#") and len(fields) < 11:
            continue  # provenance
        record, start, end, label, _, strand = fields[:6]
        row = {"record": record, "start": int(start), "end": int(end), "strand": strand, "label": label}
        calibrated = {} if fields[10] == "." else {"calibrated": float(fields[10])}
        yield {**common, **row, "probability": float(fields[9]), **calibrated}
