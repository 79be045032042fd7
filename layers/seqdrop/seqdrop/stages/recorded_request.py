"""Start of a job whose recorded request may not be the one that this deployment makes for the same work.

Requests differ if a deploy between the record and the start changed a setting (image, machine, role, isolation). They
also differ if a record is a forgery: functions that may not create jobs, validate among them, may write the ledger.
IAM refuses most such requests, so a job would never start.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError
from seqdrop.ledger.records import apply_facts
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import adopt, create, exists

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.ledger.records import Job
    from seqdrop.runtime.services import Services


def start_or_adopt(services: Services, job: Job, request: Mapping[str, object]) -> tuple[Job, bool]:
    """Create a PLANNED job by this deployment's request; return its record, and False if there is no capacity for it.

    If SageMaker has the job from the recorded request, because an earlier call succeeded, it is adopted. Raise
    JobRefusedError as `sagemaker.client.create` does, and RetryableError if another invocation changed the record.
    """
    recorded = json.loads(job.request)
    if recorded == request:
        return job, create(services.sagemaker, job.task, request)
    if exists(services.sagemaker, job.task, job.name):
        return job, adopt(services.sagemaker, job.task, recorded)
    job = replace_recorded(services, job, request=json.dumps(request, sort_keys=True))
    return job, create(services.sagemaker, job.task, request)


def replace_recorded(services: Services, job: Job, **requests: str) -> Job:
    """Write other requests into the record of a job that SageMaker does not have, and return the record."""
    if not services.ledger.note(job, **requests):
        raise RetryableError(f"another invocation changed the record of {job.name}")
    logger().warning("the recorded request of a job was replaced", extra={"job": job.name})
    return apply_facts(job, requests)
