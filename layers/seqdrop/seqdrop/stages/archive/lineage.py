"""The lineage of an archived file: the attempts that used it, with their jobs, models and results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.config.analyses import TRAINING
from seqdrop.errors import RecordNotFoundError

if TYPE_CHECKING:
    from seqdrop.archive.receipt import AttemptTrace, Lineage
    from seqdrop.ledger.records import Attempt, Upload
    from seqdrop.ledger.table import Ledger

HASHED_ONLY = "other"  # the format of a file that is no sequence data


def trace_lineage(ledger: Ledger, upload: Upload) -> Lineage:
    """Return the report of an upload and the attempts that used it, as they are now.

    They are the upload's own attempts, or the last one of the training or the FASTA that it belongs to.
    """
    lineage: Lineage = {"attempts": [_trace(ledger, attempt) for attempt in _find_attempts(ledger, upload)]}
    if upload.format != HASHED_ONLY:
        lineage["report"] = keys.report(upload.id)
    return lineage


def _find_attempts(ledger: Ledger, upload: Upload) -> list[Attempt]:
    if upload.format == HASHED_ONLY:
        return []
    if not (upload.training or upload.masks_of):
        return ledger.attempts(upload.id)
    try:
        return ledger.deciding_attempts(upload)
    except RecordNotFoundError:
        return []  # a receipt that is written again after years: the record of the attempt has expired


def _trace(ledger: Ledger, attempt: Attempt) -> AttemptTrace:
    trace: AttemptTrace = {
        "upload": attempt.upload_id,
        "analysis": attempt.analysis,
        "number": attempt.number,
        "state": attempt.state,
    }
    if attempt.job:
        trace["job"] = attempt.job
    if attempt.state == "PREDICTED":
        trace["results"] = keys.result(attempt.analysis, attempt.upload_id, attempt.number, "")
    if attempt.state == "TRAINED" and attempt.analysis == TRAINING:
        trace["results"] = keys.training_result(attempt.upload_id, "")
    if (job := ledger.find_job(attempt.job) if attempt.job else None) and job.model_key:
        trace |= {"model": job.model, "model_archive": job.model_key, "model_sha256": job.model_digest}
    return trace
