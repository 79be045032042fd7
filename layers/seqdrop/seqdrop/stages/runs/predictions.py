"""What the models said of the samples of a run, from the summaries of their results: one read from S3 for each file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.results.outcome import Outcome, describe_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seqdrop.ledger.records import Attempt
    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services


def read_predictions(
    services: Services, run: Run, read_report: Callable[[], Mapping[str, Any]]
) -> dict[str, list[Outcome]]:
    """Return the outcomes of each upload of the run's samples, by upload id; empty if its analysis has no model."""
    analysis = services.analyses.for_key(run.key_of("file"))
    if analysis is None or not analysis.has_model:
        return {}
    uploads = {upload for part in read_report()["parts"] for sample in part["samples"] for upload in _uploads(sample)}
    return {upload: outcomes for upload in sorted(uploads) if (outcomes := read_outcomes(services, upload))}


def _uploads(sample: Mapping[str, Any]) -> Iterator[str]:
    return iter(sample.get("uploads", {}).values())


def read_outcomes(services: Services, upload_id: str) -> list[Outcome]:
    """Return the outcome of the last attempt of each analysis of an upload that made predictions or failed."""
    attempts = {attempt.analysis: attempt for attempt in services.ledger.attempts(upload_id)}
    return [describe_outcome(attempt, _read_summary(services, attempt)) for attempt in attempts.values()]


def _read_summary(services: Services, attempt: Attempt) -> dict[str, Any] | None:
    """Return summary.json of an attempt; None if it made none."""
    if attempt.state != "PREDICTED":
        return None
    key = keys.result(attempt.analysis, attempt.upload_id, attempt.number, "summary.json")
    body = services.find_bytes(services.settings.results, key)
    return None if body is None else json.loads(body)
