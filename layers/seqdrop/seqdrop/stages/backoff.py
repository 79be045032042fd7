"""How long a job waits if SageMaker has no capacity for it: longer after each refusal, and different for each job."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, iso, now

if TYPE_CHECKING:
    from seqdrop.ledger.records import Job

FIRST_WAIT, LONGEST_WAIT = 1, 60  # minutes


def postpone(services: Services, job: Job) -> None:
    """Record when a PLANNED job is due again; the reconciler sends its message again then.

    The job keeps its members, because another invocation of the same function may be about to start it. If that
    invocation was first, nothing is recorded.
    """
    waits = job.waits + 1
    due = datetime.fromisoformat(now()) + timedelta(minutes=compute_wait(job.name, waits))
    services.ledger.note(job, waits=waits, due_at=iso(due))
    logger().warning("job waits for SageMaker capacity", extra={"job": job.name, "waits": waits})


def is_due(job: Job) -> bool:
    """Return True if a PLANNED job may be started now."""
    return job.due_at <= now()


def compute_wait(name: str, waits: int) -> float:
    """Return the minutes until the next try: 1, doubling, at most 60, each times a factor of 0.5 to 1.5.

    The factor is derived from the job's name, so that jobs that were refused together are not tried again together.
    """
    digest = hashlib.sha256(f"{name} {waits}".encode()).digest()
    factor = 0.5 + digest[0] / 255
    wait: float = min(FIRST_WAIT * 2 ** (waits - 1), LONGEST_WAIT)
    return factor * wait
