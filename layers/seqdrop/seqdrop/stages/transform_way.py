"""The way back from an asynchronous endpoint to a transform job: the next attempt at the same work items.

Such attempts have the group TRANSFORM_ONLY, so those of an analysis can share a job. If it fails, it is split as any
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError
from seqdrop.runtime.log import logger
from seqdrop.stages.job_slots import close_job
from seqdrop.stages.routing import enqueue_next

if TYPE_CHECKING:
    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.runtime.services import Services

TRANSFORM_ONLY = "transform"


def takes_transform(attempt: Attempt) -> bool:
    """Return True if an attempt must not be sent to an endpoint: it was already, or its transform job failed."""
    return bool(attempt.group)


def return_to_transform(services: Services, job: Job, attempt: Attempt, reason: str) -> None:
    """End an asynchronous job as FAILED; its member's next attempt gets a transform job, without a mail.

    The call may be repeated after a crash. Raise RetryableError if another invocation was first.
    """
    if attempt.state == "SUBMITTED" and attempt.job == job.name:
        because = f"its endpoint did not predict, and a transform job does: {reason}"
        if not services.ledger.move(attempt, "FAILED", attempt.next_attempt(TRANSFORM_ONLY), reason=because[:1000]):
            raise RetryableError("another invocation is resolving this attempt")
        logger().warning("attempt gets a transform job", extra={"upload_id": attempt.upload_id, "job": job.name})
    if upload := services.ledger.find_upload(attempt.upload_id):
        enqueue_next(services, upload)
    close_job(services, job.name, "FAILED", reason=reason[:1000])
