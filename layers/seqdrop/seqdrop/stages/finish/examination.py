"""The end of a processing job that examined an upload. validate then accepts or rejects it, or requests another try."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import EXAMINE
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import describe
from seqdrop.stages.start_processing.tries import DROP_AGAIN, is_final, mail_unexamined

if TYPE_CHECKING:
    from seqdrop.ledger.records import Job, Upload
    from seqdrop.runtime.services import Services


def finish_examination(services: Services, job: Job) -> None:
    """Move a job that has ended to its final state and send its upload's message to validate again.

    The message is also sent for a job that was moved before, because the earlier message may have been lost.
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
        mail_unexamined(services, upload, f"{job.name}: {reason}", DROP_AGAIN)
    services.ledger.move(job, state, reason=reason[:1000])
    logger().info("job ended", extra={"job": job.name, "end": state, "upload_id": upload.id})
