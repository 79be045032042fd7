"""Jobs that SageMaker has no room for now: each is tried again after a delay that grows, and differs between jobs."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, iso, now

if TYPE_CHECKING:
    from seqdrop.ledger.records import Job

FIRST, MOST = 1, 60  # minutes


def postpone(services: Services, job: Job) -> None:
    """Note when a PLANNED job is due again; the reconciler sends it on then.

    It keeps its members: another run of the same function may be about to start it. If that was first, nothing is
    noted.
    """
    waits = job.waits + 1
    due = datetime.fromisoformat(now()) + timedelta(minutes=delay(job.name, waits))
    services.ledger.note(job, waits=waits, due_at=iso(due))
    logger().warning("job waits for room", extra={"job": job.name, "waits": waits})


def is_due(job: Job) -> bool:
    """Whether a PLANNED job may be started now."""
    return job.due_at <= now()


def delay(name: str, waits: int) -> float:
    """Minutes until the next try: 1, doubling, 60 at the most, each times 0.5 to 1.5.

    The factor is drawn by the job's name, so that many jobs that were refused together do not come back together.
    """
    digest = hashlib.sha256(f"{name} {waits}".encode()).digest()
    return min(FIRST * 2 ** (waits - 1), MOST) * (0.5 + digest[0] / 255)
