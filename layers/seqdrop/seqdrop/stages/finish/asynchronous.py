"""The end of an asynchronous job: import its predictions, or let a transform job predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import ASYNC
from seqdrop.runtime.log import logger
from seqdrop.stages.async_progress import find_progress
from seqdrop.stages.file_pages import refresh_page
from seqdrop.stages.finish.predictions import import_predictions
from seqdrop.stages.finish.ways import endpoint_way
from seqdrop.stages.job_slots import close_job
from seqdrop.stages.routing import enqueue_next
from seqdrop.stages.transform_way import return_to_transform

if TYPE_CHECKING:
    from collections.abc import Collection

    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.runtime.events import InferenceResult
    from seqdrop.runtime.services import Services


def finish_request(services: Services, result: InferenceResult) -> None:
    """Resolve the member of the asynchronous job of a request, if all requests of the job have ended.

    Do nothing for a request of an unknown job: the topic may have messages of other clients, or very late ones.
    """
    attempts = services.ledger.attempts(result.name.upload_id)
    attempt = next((attempt for attempt in attempts if result.name.names(attempt)), None)
    job = services.ledger.find_job(attempt.job) if attempt and attempt.job else None
    if job and job.task == ASYNC:
        finish_async(services, job, [] if result.completed else [result.name.number])


def finish_async(services: Services, job: Job, unserved: Collection[int] = ()) -> None:
    """Resolve the member of an asynchronous job that has ended; do nothing while it runs.

    `unserved` are shards that a message reports as failed or expired. What the outputs show counts more. Raise
    RetryableError if another invocation is resolving it.
    """
    attempt = services.ledger.require_attempt(job.members[0])
    if attempt.state != "SUBMITTED" or attempt.job != job.name:
        return _close(services, job, attempt)
    progress = find_progress(services, job, attempt, unserved)
    if progress.end is None:
        return None
    reason = progress.reason
    if progress.end == "DONE":
        way = endpoint_way(services, job, progress.outputs)
        reason = import_predictions(services, job, attempt, progress.outputs, way) or ""
    if reason:
        return return_to_transform(services, job, attempt, reason)
    return _close(services, job, services.ledger.require_attempt(attempt.key))


def _close(services: Services, job: Job, attempt: Attempt) -> None:
    """Enqueue the uploads of a member that was resolved, and end its job. A crash may have prevented either."""
    for upload_id in filter(None, (attempt.upload_id, attempt.masks)):
        if upload := services.ledger.find_upload(upload_id):
            refresh_page(services, upload)
            enqueue_next(services, upload)
    if job.state in OPEN[JOB]:
        end = "DONE" if attempt.state == "PREDICTED" else "FAILED"
        close_job(services, job.name, end)
        logger().info("job ended", extra={"job": job.name, "end": end})
