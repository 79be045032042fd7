"""When a job may start its run: HealthOmics starts 0.1 runs a second by default, for the whole account and region."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.errors import RetryableError
from seqdrop.ledger.records import Step, apply_facts
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, iso, now

if TYPE_CHECKING:
    from seqdrop.ledger.records import Fact, Job

MAX_TRIES = 10  # a try fails only if another invocation reserved a time
LONGEST_DELAY = 900  # seconds for which SQS can hold a message back


def reserve(services: Services, job: Job, *, again: bool = False) -> Job:
    """Reserve the next free time of a start for a PLANNED job, and return its record.

    With `again`, HealthOmics refused the start because of its rate. If another invocation changed the job meanwhile,
    return it as it is now. Raise RetryableError if other jobs were first in each of MAX_TRIES tries.
    """
    waits = job.waits + again
    for _ in range(MAX_TRIES):
        pace = services.ledger.start_pace()
        due_at = max(now(), pace.free_at)
        pause = timedelta(seconds=services.settings.workflow_seconds)
        facts: dict[str, Fact] = {"due_at": due_at, "waits": waits}
        free = pace.with_free(iso(datetime.fromisoformat(due_at) + pause))
        if services.ledger.move_together([Step(job, job.state, facts)], shared=free):
            logger().info("start reserved", extra={"job": job.name, "waits": waits})
            return apply_facts(job, facts)
        current = services.ledger.require_job(job.name)
        if current.revision != job.revision:
            return current
    raise RetryableError(f"another invocation is starting the job {job.name}")


def send_when_due(services: Services, job: Job) -> None:
    """Send the message that starts a job, to be delivered when it is due, or after the longest delay of SQS."""
    left = (datetime.fromisoformat(job.due_at) - clock.utc_now()).total_seconds()
    delay = min(LONGEST_DELAY, max(1, ceil(left)))
    services.send(services.settings.workflow_queue, {"job": job.name}, delay)
