"""Examine an upload that is too large for a Lambda in a processing job, which is recorded before it is started.

An examination has at most TRIES tries, each with a job of its own. A replay may require another examination; its tries
have the numbers that follow. After a try that failed, the next one starts when validate handles the upload again. After
the last try the lab is notified, and the upload stays RECEIVED until a person drops it again.

When a job ends, the upload's message is sent to validate, which accepts or rejects the upload.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.aws.readability import check_readable
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import EXAMINE, Job, Upload
from seqdrop.models.code_bundles import current_code
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import create, describe
from seqdrop.sagemaker.names import examination_name
from seqdrop.sagemaker.requests.processing import brief, processing_request
from seqdrop.stages.backoff import is_due, postpone
from seqdrop.stages.migration import check_migration

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services

TRIES = 2
DROP_AGAIN = "When the cause is removed, drop it again."
TRIED_AGAIN = "Seqdrop tries again by itself, less and less often, but at least once a day."


def find_last_job(ledger: Ledger, upload: Upload) -> Job | None:
    """Return the last job of the upload's present examination (`Upload.read_for`); None if there is none."""
    for number in range(upload.read_for * TRIES, (upload.read_for - 1) * TRIES, -1):
        if job := ledger.find_job(examination_name(upload.id, number)):
            return job
    return None


def is_final(job: Job, state: str) -> bool:
    """Return True if no other try follows a job with this final state.

    That is the case if it was the last try, or if a person or the time limit stopped it.
    """
    return state == "STOPPED" or _is_last(job)


def examine_in_job(services: Services, upload: Upload, analysis: Analysis) -> None:
    """Start a job that examines the upload, unless one runs or the last try has ended.

    At the end of the job the upload's message is sent again. Raise ObjectGoneError if the upload was deleted, and
    UnreadableObjectError if the job could not read it.
    """
    job = find_last_job(services.ledger, upload)
    if job is None or job.state not in OPEN[JOB]:
        check_readable(services.s3, upload.version)
        if job is not None and is_final(job, job.state):
            return
        number = _number(job) + 1 if job else (upload.read_for - 1) * TRIES + 1
        job = _plan_job(services, upload, analysis, number)
    if job is not None and job.state == "PLANNED" and is_due(job):
        _launch(services, job, upload, analysis)


def _mail_unexamined(services: Services, upload: Upload, reason: str, next_step: str) -> None:
    services.notify(
        f"Seqdrop could not examine {upload.key}",
        f"This file is too large for a Lambda, and no job could examine it:\n  {upload.key} (upload {upload.id})\n\n"
        f"Cause: {reason}\n\n"
        f"It is not known whether the file is valid. It was left in the landing bucket. {next_step}\n",
    )
    logger().error("not examined", extra={"upload_id": upload.id, "reason": reason})


def _number(job: Job) -> int:
    return int(job.name.rsplit("-", 1)[1])


def _is_last(job: Job) -> bool:
    return _number(job) % TRIES == 0


def _plan_job(services: Services, upload: Upload, analysis: Analysis, number: int) -> Job | None:
    """Record a new try and return it; notify the lab and return None if no code was pushed that a job could run."""
    name = examination_name(upload.id, number)
    check_migration(services, keys.PROCESSING_POINTER)
    try:
        code = current_code(services.s3, services.settings.models)
        request = processing_request(services.settings, name, upload, code, services.s3.meta.region_name)
    except JobRefusedError as error:
        _mail_unexamined(services, upload, str(error), TRIED_AGAIN)
        return None
    job = Job(
        "PLANNED",
        name=name,
        task=EXAMINE,
        analysis=upload.analysis,
        upload=upload.id,
        plan=analysis.as_json(),
        request=json.dumps(request, sort_keys=True),
        tags={tag["Key"]: tag["Value"] for tag in request["Tags"]},
    )
    services.ledger.create(job)
    return services.ledger.require_job(name)


def _launch(services: Services, job: Job, upload: Upload, analysis: Analysis) -> None:
    """Start a job. It needs only its record, so the call may be repeated after any crash."""
    work = services.settings.work
    services.put_json(work, keys.job_request(job.name), brief(work, upload.version, job.plan, upload.read_for))
    try:
        started = create(services.sagemaker, EXAMINE, json.loads(job.request))
    except JobRefusedError as error:
        return _handle_refusal(services, job, upload, analysis, str(error))
    if not started:
        return postpone(services, job)
    services.ledger.move(job, "STARTED")
    logger().info("job started", extra={"job": job.name, "upload_id": upload.id})
    return None


def _handle_refusal(services: Services, job: Job, upload: Upload, analysis: Analysis, reason: str) -> None:
    """Move a refused job to FAILED and start the next try immediately; notify the lab if there is none."""
    if _is_last(job):
        _mail_unexamined(services, upload, reason, DROP_AGAIN)
    services.ledger.move(job, "FAILED", reason=reason[:1000])
    if not _is_last(job):
        examine_in_job(services, upload, analysis)


def finish_examination(services: Services, job: Job) -> None:
    """Move a job that has ended to its final state and send its upload's message again.

    Validate then accepts or rejects the upload, or starts the next try. The message is also sent for a job that was
    moved before, because the earlier message may have been lost.
    """
    description = describe(services.sagemaker, EXAMINE, job.name)
    if description.end is None:
        return
    upload = services.ledger.require_upload(job.upload)
    if job.state in OPEN[JOB]:
        _close(services, job, upload, description.end, "" if description.end == "DONE" else description.reason)
    if upload.state == "RECEIVED":
        services.send(services.settings.validate_queue, make_landed_message(upload.version))


def _close(services: Services, job: Job, upload: Upload, state: str, reason: str) -> None:
    if state != "DONE" and upload.state == "RECEIVED" and is_final(job, state):
        _mail_unexamined(services, upload, f"{job.name}: {reason}", DROP_AGAIN)
    services.ledger.move(job, state, reason=reason[:1000])
    logger().info("job ended", extra={"job": job.name, "end": state, "upload_id": upload.id})
