"""The tries of an upload's examination in processing jobs: the last one, whether another follows, and its message.

An examination has at most TRIES tries, each with a job of its own. A replay may require another examination; its tries
have the numbers that follow. After a try that failed, the next one starts when validate handles the upload again. After
the last try the lab is notified, and the upload stays RECEIVED until a person drops it again.

validate requests a try and does not start it, because it parses files that anyone may have dropped: only
start_processing may create jobs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.readability import check_readable
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.names import examination_name

if TYPE_CHECKING:
    from seqdrop.ledger.records import Job, Upload
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


def next_number(upload: Upload, last: Job | None) -> int:
    """Return the number of the try that follows the last one of an examination."""
    return _number(last) + 1 if last else (upload.read_for - 1) * TRIES + 1


def is_last(job: Job) -> bool:
    """Return True if a job has the last number of its examination."""
    return _number(job) % TRIES == 0


def is_final(job: Job, state: str) -> bool:
    """Return True if no other try follows a job with this final state.

    That is the case if it was the last try, or if a person or the time limit stopped it.
    """
    return state == "STOPPED" or is_last(job)


def request_try(services: Services, upload: Upload) -> None:
    """Send the upload to start_processing, unless one of its jobs runs or its last try has ended.

    When the job ends, finish sends the upload's message to validate. Raise ObjectGoneError if the upload was deleted,
    and UnreadableObjectError if a job could not read it. A job that runs finds that out by itself.
    """
    job = find_last_job(services.ledger, upload)
    is_open = job is not None and job.state in OPEN[JOB]
    if not is_open:
        check_readable(services.s3, upload.version)
    if job is None or job.state == "PLANNED" or not (is_open or is_final(job, job.state)):
        services.send(services.settings.processing_queue, {"upload": upload.id})


def mail_unexamined(services: Services, upload: Upload, reason: str, next_step: str) -> None:
    """Notify the lab that no job could examine an upload. `next_step` says what happens next, or what to do."""
    services.notify(
        f"Seqdrop could not examine {upload.key}",
        f"This file is too large for a Lambda, and no job could examine it:\n  {upload.key} (upload {upload.id})\n\n"
        f"Cause: {reason}\n\n"
        f"It is not known whether the file is valid. It was left in the landing bucket. {next_step}\n",
    )
    logger().error("not examined", extra={"upload_id": upload.id, "reason": reason})


def _number(job: Job) -> int:
    return int(job.name.rsplit("-", 1)[1])
