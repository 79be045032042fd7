"""Transform jobs that reach the ceilings of the stack are stopped, because SageMaker has no time limit for them.

The reason is recorded in the job before SageMaker is called, so that finish can tell such an end from a stop by a
person. If the job completes meanwhile, its end counts, and the reason has no effect.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from seqdrop import clock
from seqdrop.ledger.moves import JOB
from seqdrop.ledger.records import TRANSFORM
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import describe, stop
from seqdrop.sagemaker.spend import Fleet
from seqdrop.stages.reconcile.nudge import minutes_since
from seqdrop.stages.transform_cost import ceilings_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from seqdrop.ledger.records import Job
    from seqdrop.runtime.services import Services


def stop_overtime(services: Services) -> int:
    """Stop each STARTED transform job that has run for its limit; return the number of jobs.

    An error of one job is logged and does not affect the others.
    """
    log, count = logger(), 0
    for job in services.ledger.in_state(JOB, "STARTED"):
        try:
            count += job.task == TRANSFORM and _stop_at_limit(services, job)
        except Exception:
            log.exception("not stopped", extra={"job": job.name})
    return count


def _stop_at_limit(services: Services, job: Job) -> bool:
    """Stop a job if it has run for its limit; return True if SageMaker was ordered to."""
    fleet, ceilings = Fleet.of(json.loads(job.request), services.settings.instance_price), ceilings_of(services)
    limit = timedelta(hours=ceilings.count_hours(fleet))
    if minutes_since(job.created_at) * 60 < limit.total_seconds():
        return False  # without a call to SageMaker
    description = describe(services.sagemaker, TRANSFORM, job.name)
    if not _runs_since(description.response, limit):
        return False
    reason = (
        f"the job was stopped, because it had run for {ceilings.name_limit(fleet)} and was not complete. Take a sample "
        "(max_reads), drop smaller files, or use a faster InstanceType; or ask the person who deploys the stack to "
        "raise the parameter"
    )
    if not job.stop_reason and not services.ledger.note(job, stop_reason=reason):
        return False  # it has moved
    logger().warning("job is stopped", extra={"job": job.name})
    return stop(services.sagemaker, TRANSFORM, job.name)


def _runs_since(response: Mapping[str, Any], limit: timedelta) -> bool:
    """Return True if SageMaker describes a job as running for at least this time.

    AWS bills a job from TransformStartTime; until then it waits for its instances.
    """
    began: datetime = response.get("TransformStartTime") or response["CreationTime"]
    return response["TransformJobStatus"] == "InProgress" and clock.utc_now() - began >= limit
