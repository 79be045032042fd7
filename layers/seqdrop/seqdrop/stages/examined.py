"""A job that examined a large upload ended: validate hears of it, and acts on what it finds."""

from __future__ import annotations

from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import Job, Upload
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services
from seqdrop.stages.start_processing.processing_job import LEFT, is_final, tell

ENDS = {"Completed": "DONE", "Failed": "FAILED", "Stopped": "STOPPED"}


def finish_examination(services: Services, job: Job) -> None:
    """Move a job to its end and send its upload's message again, which settles it or starts the next try.

    Also for a job that was moved before: the message may have been lost.
    """
    found = services.sagemaker.describe_processing_job(ProcessingJobName=job.name)
    end = ENDS.get(found["ProcessingJobStatus"])
    if end is None:
        return
    upload = services.ledger.upload(job.upload)
    if job.state in OPEN[JOB]:
        _end(services, job, upload, end, found)
    if upload.state == "RECEIVED":
        services.send(services.settings.validate_queue, landed_message(upload.version))


def _end(services: Services, job: Job, upload: Upload, end: str, found: dict) -> None:
    reason = "" if end == "DONE" else found.get("FailureReason", f"the job ended as {end}")
    if end != "DONE" and upload.state == "RECEIVED" and is_final(job, end):
        tell(services, upload, f"{job.name}: {reason}", LEFT)
    services.ledger.move(job, end, reason=reason[:1000])
    logger().info("job ended", extra={"job": job.name, "end": end, "upload_id": upload.id})
