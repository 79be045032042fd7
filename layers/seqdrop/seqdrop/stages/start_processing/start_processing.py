"""Start the processing job that examines an upload that is too large for a Lambda; it is recorded before it is started.

A message names an upload, and everything else comes from the ledger. validate, which parses dropped files, may write
the ledger, so a recorded request is not trusted: a job is started only with the request that this deployment makes for
its upload, with code that was pushed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.errors import JobRefusedError
from seqdrop.kinds.plans import plan_of
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import EXAMINE, Job, Upload
from seqdrop.models.code_bundles import Code, current_code
from seqdrop.runtime.log import logger
from seqdrop.runtime.tracing import span
from seqdrop.sagemaker.names import examination_name
from seqdrop.sagemaker.requests.processing import brief, processing_request
from seqdrop.stages.backoff import is_due, postpone
from seqdrop.stages.migration import check_migration
from seqdrop.stages.recorded_request import start_or_adopt
from seqdrop.stages.start_processing.tries import (
    DROP_AGAIN,
    TRIED_AGAIN,
    find_last_job,
    is_final,
    is_last,
    mail_unexamined,
    next_number,
)
from seqdrop.work.examination import load

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.runtime.services import Services


def start_processing(services: Services, upload_id: str) -> None:
    """Start a job that examines the upload, unless it is examined, a job runs, or the last try has ended.

    A job that a crash or missing capacity left PLANNED is started. Do nothing for an upload that needs no examination.
    """
    upload = services.ledger.find_upload(upload_id)
    if upload is None:
        return
    job = find_last_job(services.ledger, upload)
    if job is None or not (job.state in OPEN[JOB] or is_final(job, job.state)):
        job = _plan_job(services, upload, next_number(upload, job))
    if job is not None and job.state == "PLANNED" and is_due(job):
        with span("launch", job=job.name):
            _launch(services, job, upload)


def _plan_job(services: Services, upload: Upload, number: int) -> Job | None:
    """Record a new try and return it.

    Return None if the upload needs no examination, or, after a mail to the lab, if no code was pushed that a job could
    run.
    """
    analysis = _find_analysis(services, upload)
    if analysis is None or load(services.s3, services.settings.work, upload.id, upload.read_for):
        return None
    name = examination_name(upload.id, number)
    check_migration(services, keys.PROCESSING_POINTER)
    try:
        code = current_code(services.s3, services.settings.models)
        request = _make_request(services, name, upload, code)
    except JobRefusedError as error:
        mail_unexamined(services, upload, str(error), TRIED_AGAIN)
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
        model_digest=code.digest,
    )
    services.ledger.create(job)
    return services.ledger.require_job(name)


def _find_analysis(services: Services, upload: Upload) -> Analysis | None:
    """Return the analysis for which a job reads the upload; None if it does not have to be read.

    A RECEIVED upload is read for the analysis of its key. A VALIDATED one is read again for its PLANNED attempt, whose
    work items expire while it waits for its run.
    """
    if upload.state == "RECEIVED":
        return services.analyses.for_key(upload.key)
    if upload.state != "VALIDATED":
        return None
    attempts = services.ledger.deciding_attempts(upload)
    own = (attempt for attempt in attempts if attempt.upload_id == upload.id and attempt.state == "PLANNED")
    return next((plan_of(attempt) for attempt in own), None)


def _make_request(services: Services, name: str, upload: Upload, code: Code) -> dict[str, Any]:
    return {**processing_request(services.settings, name, upload, code, services.s3.meta.region_name)}


def _launch(services: Services, job: Job, upload: Upload) -> None:
    """Start a job. It needs only its record, so the call may be repeated after any crash."""
    work = services.settings.work
    services.put_json(work, keys.job_request(job.name), brief(work, upload.version, job.plan, upload.read_for))
    try:
        request = _make_request(services, job.name, upload, _code_of(services, job))
        job, is_started = start_or_adopt(services, job, request)
    except JobRefusedError as error:
        return _handle_refusal(services, job, upload, str(error))
    if not is_started:
        return postpone(services, job)
    services.ledger.move(job, "STARTED")
    logger().info("job started", extra={"job": job.name, "upload_id": upload.id})
    return None


def _code_of(services: Services, job: Job) -> Code:
    """Return the code that was current when a job was recorded: a push since then does not concern the job.

    Records of earlier versions do not name it.
    """
    if digest := job.model_digest:
        return Code(keys.processing_code(digest), digest)
    return current_code(services.s3, services.settings.models)


def _handle_refusal(services: Services, job: Job, upload: Upload, reason: str) -> None:
    """Move a refused job to FAILED and start the next try immediately; notify the lab if there is none."""
    if is_last(job):
        mail_unexamined(services, upload, reason, DROP_AGAIN)
    services.ledger.move(job, "FAILED", reason=reason[:1000])
    if not is_last(job):
        start_processing(services, upload.id)
