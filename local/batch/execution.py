"""The work of a job, with the permissions of its role and nothing else."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from seqdrop.aws.errors import code_of, message_of

from local.batch.errors import JobFailureError
from local.batch.manifest import read_manifest
from local.batch.report import Outcome, write_report
from local.sagemaker.errors import ValidationError

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from local.batch.jobs import Job
    from local.batch.manifest import Task
    from local.sagemaker.roles import Roles

logger = logging.getLogger("local.batch")
WORKERS = 4
THRESHOLD_TASKS, THRESHOLD_SHARE = 1000, 0.5  # more failures than this end a job, as in the service's guide
TIERS = {"BULK": "Bulk", "STANDARD": "Standard"}  # RestoreObject writes them in its own way


def start(job: Job, roles: Roles) -> threading.Thread:
    """Start the job in a thread of its own, and return the thread."""
    thread = threading.Thread(target=_run, args=(job, roles), name=f"batch-{job.id}", daemon=True)
    thread.start()
    return thread


def _run(job: Job, roles: Roles) -> None:
    try:
        job.move("Preparing")
        s3 = _open_client(job, roles)
        tasks = read_manifest(s3, job.request["Manifest"])
        job.total = len(tasks)
        _wait_for_confirmation(job)
        job.move("Active")
        outcomes = _perform(job, s3, tasks)
        job.move("Completing")
        write_report(s3, job, outcomes)
        _end(job)
    except JobFailureError as failure:
        job.fail(failure)
    except Exception as error:
        logger.exception("job %s", job.id)
        job.fail(JobFailureError("InternalError", repr(error)))


def _open_client(job: Job, roles: Roles) -> BaseClient:
    role = job.request["RoleArn"]
    try:
        roles.check_trust(role)
    except ValidationError as error:
        raise JobFailureError("AssumeRoleFailed", error.message) from error
    return roles.client("s3", roles.credentials(role, f"s3-batch-operations_{job.id}"), job.region)


def _wait_for_confirmation(job: Job) -> None:
    if not job.request.get("ConfirmationRequired"):
        job.move("Ready")
        return
    job.move("Suspended")
    job.confirmed.wait()


def _perform(job: Job, s3: BaseClient, tasks: list[Task]) -> list[Outcome]:
    """Return the outcomes of the tasks, up to a cancellation or until too many have failed."""
    terms = _read_terms(job)
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for group in _split(tasks):
            if job.is_cancelled or _has_failed(job):
                break
            for outcome in pool.map(lambda task: _restore(s3, task, terms), group):
                outcomes.append(outcome)
                job.succeeded += not outcome.code
                job.failed += bool(outcome.code)
    return outcomes


def _split(tasks: list[Task]) -> list[list[Task]]:
    return [tasks[start : start + WORKERS] for start in range(0, len(tasks), WORKERS)]


def _read_terms(job: Job) -> dict:
    operation = job.request["Operation"]["S3InitiateRestoreObject"]
    tier = TIERS[operation.get("GlacierJobTier", "STANDARD")]
    return {"Days": operation["ExpirationInDays"], "GlacierJobParameters": {"Tier": tier}}


def _restore(s3: BaseClient, task: Task, terms: dict) -> Outcome:
    try:
        response = s3.restore_object(**task.location, RestoreRequest=terms)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return Outcome(task, status, code_of(error), message_of(error))
    except BotoCoreError as error:
        return Outcome(task, 500, "InternalError", str(error))
    return Outcome(task, response["ResponseMetadata"]["HTTPStatusCode"])


def _has_failed(job: Job) -> bool:
    done = job.succeeded + job.failed
    return done >= THRESHOLD_TASKS and job.failed > done * THRESHOLD_SHARE


def _end(job: Job) -> None:
    if _has_failed(job):
        job.fail(JobFailureError("FailureThresholdExceeded", "More than half of the tasks failed"))
    else:
        job.move("Complete")
