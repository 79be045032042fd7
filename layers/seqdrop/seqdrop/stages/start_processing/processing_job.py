"""An upload too large for a Lambda: a processing job examines it, and is on record before it is started.

Each reading of an upload has a few tries, numbered on from those of the reading before (a replay may have it read
again); a try that failed is followed by the next when validate sees the upload again. When none is left the lab was
told, and the upload stays RECEIVED until a person drops it again.

A job that examined a large upload ended: validate hears of it, and acts on what it finds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.aws.s3 import exists
from seqdrop.errors import JobRefusedError, ObjectGoneError
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import EXAMINE, Job, Upload
from seqdrop.models.code_bundles import current_code
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import create, describe
from seqdrop.sagemaker.names import examination_name
from seqdrop.sagemaker.requests.processing import brief, processing_request
from seqdrop.stages.backoff import is_due, postpone

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services
    from seqdrop.uploads import UploadVersion

TRIES = 2
LEFT = "Once the cause is mended, drop it again."


def find_last_job(ledger: Ledger, upload: Upload) -> Job | None:
    """The last job that examined the upload for the attempt that it is read for, or does so now."""
    for number in range(upload.read_for * TRIES, (upload.read_for - 1) * TRIES, -1):
        if job := ledger.find_job(examination_name(upload.id, number)):
            return job
    return None


def is_final(job: Job, end: str) -> bool:
    """Whether no other try follows a job that ends so: it was the last one, or a person (or its time) ended it."""
    return end == "STOPPED" or _is_last(job)


def examine_in_job(services: Services, upload: Upload, analysis: Analysis) -> None:
    """See to it that a job examines the upload. Its end sends the upload's message again.

    Raises ObjectGoneError. Does nothing while a job runs, and after the last try.
    """
    job = find_last_job(services.ledger, upload)
    if job is None or job.state not in OPEN[JOB]:
        _check_presence(services.s3, upload.version)
        if job is not None and is_final(job, job.state):
            return
        job = _planned(services, upload, analysis, _number(job) + 1 if job else (upload.read_for - 1) * TRIES + 1)
    if job is not None and job.state == "PLANNED" and is_due(job):
        _launch(services, job, upload, analysis)


def tell(services: Services, upload: Upload, reason: str, then: str) -> None:
    """Say that an upload could not be examined."""
    services.notify(
        f"Seqdrop could not examine {upload.key}",
        f"{upload.key} (upload {upload.id})\n{reason}\n"
        f"Whether the file is valid is not known; it was left in the landing bucket. {then}\n",
    )
    logger().error("not examined", extra={"upload_id": upload.id, "reason": reason})


def _number(job: Job) -> int:
    return int(job.name.rsplit("-", 1)[1])


def _is_last(job: Job) -> bool:
    return _number(job) % TRIES == 0


def _check_presence(s3, version: UploadVersion) -> None:
    if not exists(s3, version.bucket, version.key, version.version_id):
        raise ObjectGoneError("the object was deleted before it was read")


def _planned(services: Services, upload: Upload, analysis: Analysis, number: int) -> Job | None:
    """The record of a new try; None if there is nothing yet that a job could run."""
    name = examination_name(upload.id, number)
    try:
        code = current_code(services.s3, services.settings.results)
        request = processing_request(services.settings, name, upload, code, services.s3.meta.region_name)
    except JobRefusedError as error:
        tell(services, upload, str(error), "Seqdrop will try again by itself, ever more seldom, for about a day.")
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
    return services.ledger.find_job(name)


def _launch(services: Services, job: Job, upload: Upload, analysis: Analysis) -> None:
    """Start a job. All it needs is on its record, so this may come again after any crash."""
    work = services.settings.work
    services.put_json(work, keys.job_request(job.name), brief(work, upload.version, job.plan, upload.read_for))
    try:
        started = create(services.sagemaker, EXAMINE, json.loads(job.request))
    except JobRefusedError as error:
        return _refused(services, job, upload, analysis, str(error))
    if not started:
        return postpone(services, job)
    services.ledger.move(job, "STARTED")
    logger().info("job started", extra={"job": job.name, "upload_id": upload.id})
    return None


def _refused(services: Services, job: Job, upload: Upload, analysis: Analysis, reason: str) -> None:
    """Go on to the next try at once, whose job has another name; after the last one the lab is told."""
    if _is_last(job):
        tell(services, upload, reason, LEFT)
    services.ledger.move(job, "FAILED", reason=reason[:1000])
    if not _is_last(job):
        examine_in_job(services, upload, analysis)


def finish_examination(services: Services, job: Job) -> None:
    """Move a job to its end and send its upload's message again, which settles it or starts the next try.

    Also for a job that was moved before: the message may have been lost.
    """
    found = describe(services.sagemaker, EXAMINE, job.name)
    if found.end is None:
        return
    upload = services.ledger.find_upload(job.upload)
    if job.state in OPEN[JOB]:
        _end(services, job, upload, found.end, "" if found.end == "DONE" else found.reason)
    if upload.state == "RECEIVED":
        services.send(services.settings.validate_queue, make_landed_message(upload.version))


def _end(services: Services, job: Job, upload: Upload, end: str, reason: str) -> None:
    if end != "DONE" and upload.state == "RECEIVED" and is_final(job, end):
        tell(services, upload, f"{job.name}: {reason}", LEFT)
    services.ledger.move(job, end, reason=reason[:1000])
    logger().info("job ended", extra={"job": job.name, "end": end, "upload_id": upload.id})
