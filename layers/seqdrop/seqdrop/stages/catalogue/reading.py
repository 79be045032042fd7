"""Read the facts about an upload: its documents in the results bucket, and its record and attempts in the ledger."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.catalogue.facts import TRAINING_FAILED, Document, UploadFacts
from seqdrop.ledger.run_record import run_id
from seqdrop.results.writer import SUMMARY, result_key

if TYPE_CHECKING:
    from datetime import datetime

    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.run_record import Run
    from seqdrop.runtime.services import Services


@dataclass(frozen=True)
class StoredDocument:
    """A JSON object of the results bucket and the time when it was written."""

    content: Document
    modified: datetime


def read_document(services: Services, key: str) -> StoredDocument | None:
    """Return a JSON object of the results bucket; None if there is none."""
    try:
        response = services.s3.get_object(Bucket=services.settings.results, Key=key)
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    with closing(response["Body"]) as body:
        return StoredDocument(json.loads(body.read()), response["LastModified"])


def read_facts(services: Services, upload: Upload) -> UploadFacts:
    """Return everything that is stored about an upload now."""
    report, reason = read_document(services, keys.report(upload.id)), read_document(services, keys.reason(upload.id))
    receipt = read_document(services, keys.receipt(upload.id))
    tombstone = read_document(services, keys.tombstone(upload.id))
    attempts = services.ledger.attempts(upload.id)
    summaries = {each.key: read_document(services, result_key(each, SUMMARY)) for each in attempts}
    run = find_run(services, upload)
    run_report = read_document(services, run_report_key(run)) if run else None
    return UploadFacts(
        upload,
        attempts,
        report=report.content if report else None,  # type: ignore[arg-type] # JSON has no types
        reason=reason.content if reason and _is_current(reason, report) else None,  # type: ignore[arg-type]
        receipt=receipt.content if receipt else None,  # type: ignore[arg-type]
        tombstone=tombstone.content if tombstone else None,
        summaries={name: document.content for name, document in summaries.items() if document},
        run_report=run_report.content if run_report else None,
    )


def _is_current(reason: StoredDocument, report: StoredDocument | None) -> bool:
    """Return False for the reason of a training, and for one that a replay has made void: it wrote a later report.

    A report is written before the reason of the same reading, and S3 knows seconds only.
    """
    is_void = report is not None and report.modified > reason.modified
    return not is_void and reason.content.get("code") != TRAINING_FAILED


def find_run(services: Services, upload: Upload) -> Run | None:
    """Return the sequencer run that an upload belongs to; None if it belongs to none."""
    folder = services.analyses.run_folder(upload.key)
    return services.ledger.find_run(run_id(upload.bucket, folder)) if folder else None


def run_report_key(run: Run) -> str:
    """Return the key of the run.json of a run."""
    return keys.run_result(run.analysis, run.name, "run.json")
