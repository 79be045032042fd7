"""Import the predictions of one attempt: from the outputs of its job to the results bucket, and to PREDICTED."""

from __future__ import annotations

from typing import TYPE_CHECKING

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from seqdrop.errors import RetryableError
from seqdrop.kinds.plans import plan_of
from seqdrop.models.calibration import parse
from seqdrop.results.provenance import build_provenance
from seqdrop.results.rows import UnexpectedOutputError
from seqdrop.results.writer import Predictions, result_files, upload_files, write_index, write_summary
from seqdrop.runtime.log import logger
from seqdrop.work.items import shard_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.results.proteins import ProteinCounts
    from seqdrop.results.rows import Counts
    from seqdrop.runtime.services import Services
    from seqdrop.stages.finish.ways import Way

CHUNK = 1 << 20
# Errors of AWS services and of the network. Any other error while predictions are read comes from their content.
PASSING = (Boto3Error, BotoCoreError, ClientError, HTTPError, OSError, RetryableError)


def import_predictions(services: Services, job: Job, attempt: Attempt, outputs: list[str], way: Way) -> str | None:
    """Write the results of an attempt and move it to PREDICTED. Return why that is impossible; None if it was done.

    `outputs` are keys of the work bucket, in the order of the shards. Raise an error of PASSING if another try can
    help, RetryableError among them if another invocation is resolving the attempt.
    """
    log = logger()
    try:
        return _write(services, job, attempt, outputs, way)
    except PASSING:
        raise
    except Exception as error:
        # The error's message may hold sequence data, which no log may hold, so only its type is logged.
        log.exception("predictions unreadable", exc_info=False, extra=describe_error(attempt, error))
        return f"its predictions could not be read ({type(error).__name__})"


def describe_error(attempt: Attempt, error: Exception) -> dict[str, str]:
    """Return what the log may say about an error whose message may hold sequence data."""
    return {"upload_id": attempt.upload_id, "error": type(error).__name__}


def shards_of(attempt: Attempt) -> list[str]:
    """Return the keys of an attempt's shards."""
    return [shard_key(attempt, number) for number in range(attempt.shards)]


def _write(services: Services, job: Job, attempt: Attempt, outputs: list[str], way: Way) -> str | None:
    """Do what `import_predictions` does; any error may be raised."""
    predictions = _predictions(services, job, attempt, outputs)
    try:
        with result_files(predictions) as results:
            if problem := _check_counts(attempt, results.counts):
                return problem
            write_summary(predictions, results, computed=way)
            write_index(predictions, results)
            upload_files(services.s3, services.settings.results, attempt, results)
    except UnexpectedOutputError as error:
        return str(error)
    if not services.ledger.move(attempt, "PREDICTED"):
        raise RetryableError("another invocation is resolving this attempt")
    return None


def _predictions(services: Services, job: Job, attempt: Attempt, outputs: list[str]) -> Predictions:
    analysis = plan_of(attempt)
    upload = services.ledger.require_upload(attempt.upload_id)
    masks = services.ledger.find_upload(attempt.masks) if attempt.masks else None  # its record may have expired
    made_by = build_provenance(upload, attempt, job, analysis, masks)
    calibration = parse(job.calibration) if job.calibration else None
    return Predictions(analysis, _lines(services, outputs), made_by, calibration, _items(services, analysis, attempt))


def _check_counts(attempt: Attempt, counts: Counts | ProteinCounts) -> str | None:
    """Return an error text if predictions are missing, or the model failed for every work item; else None."""
    if counts.lines != attempt.items:
        return f"the job returned predictions for {counts.lines} of {attempt.items} work items"
    if counts.errors.total() == counts.lines:
        return f"the model returned an error for every work item: {dict(counts.errors)}"
    return None


def _items(services: Services, analysis: Analysis, attempt: Attempt) -> Iterator[bytes]:
    """Yield the lines of the attempt's shards, if the kind needs work items for its results; else nothing."""
    if not analysis.kind.reads_items_for_results:
        return iter(())
    return _lines(services, shards_of(attempt))


def _lines(services: Services, objects: list[str]) -> Iterator[bytes]:
    for key in objects:
        body = services.s3.get_object(Bucket=services.settings.work, Key=key)["Body"]
        yield from body.iter_lines(chunk_size=CHUNK)
