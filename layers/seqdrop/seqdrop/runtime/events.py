"""One parser for each event shape Seqdrop takes. No other module looks inside an event.

S3 shapes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html (EventBridge, keys as they are)
and notification-content-structure.html (`Records`, keys URL-encoded with + for a space).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from seqdrop.errors import SeqdropError
from seqdrop.ledger.records import TRANSFORM
from seqdrop.sagemaker.client import ENDS, JOB_TYPES
from seqdrop.uploads import UploadVersion

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnknownEventError(SeqdropError):
    """A message of a shape that this queue should never carry; it ends in the dead-letter queue."""


def landed_versions(body: dict) -> list[UploadVersion]:
    """Every object version an S3 message announces, oldest first.

    Takes the EventBridge and the `Records` shape. S3's own test message and deletions yield nothing.
    Raises UnknownEventError for anything else.
    """
    if body.get("source") == "aws.s3":
        found = _from_eventbridge(body)
    elif "Records" in body:
        found = _from_records(body["Records"])
    elif body.get("Event") == "s3:TestEvent":
        found = iter(())
    else:
        raise UnknownEventError(f"not an S3 event: it has the keys {sorted(body)[:8]}")
    return sorted(found, key=lambda version: version.order)


def finished_job(body: dict) -> str | None:
    """The name of the transform, processing or training job that a state change says has ended; None while it runs.

    Only the name is taken: times in these events come in three formats and the status may be out of
    date, so the finish stage asks SageMaker itself.
    """
    job = next((one for one in JOB_TYPES.values() if one.event == body.get("detail-type")), None)
    if job is None:
        raise UnknownEventError(f"no state change of a job: {body.get('detail-type')!r}")
    return body["detail"][job.name] if body["detail"].get(job.status) in ENDS else None


def _from_eventbridge(body: dict) -> Iterator[UploadVersion]:
    if body.get("detail-type") != "Object Created":
        return
    item = body["detail"]["object"]
    yield UploadVersion(
        bucket=body["detail"]["bucket"]["name"],
        key=item["key"],
        version_id=item.get("version-id") or "null",
        size=int(item.get("size", 0)),
        etag=item.get("etag", ""),
        sequencer=item.get("sequencer", ""),
    )


def _from_records(records: list[dict]) -> Iterator[UploadVersion]:
    for record in records:
        if record.get("eventSource") != "aws:s3":
            raise UnknownEventError(f"not an S3 record: eventSource is {record.get('eventSource')!r}")
        if not record.get("eventName", "").startswith("ObjectCreated:"):
            continue
        item = record["s3"]["object"]
        yield UploadVersion(
            bucket=record["s3"]["bucket"]["name"],
            key=unquote_plus(item["key"]),
            version_id=item.get("versionId") or "null",
            size=int(item.get("size", 0)),
            etag=item.get("eTag", ""),
            sequencer=item.get("sequencer", ""),
        )


def landed_message(version: UploadVersion) -> dict:
    """An EventBridge "Object Created" event for a version: what the reconciler sends when S3's own was lost."""
    item = {
        "key": version.key,
        "version-id": version.version_id,
        "size": version.size,
        "etag": version.etag,
        "sequencer": version.sequencer,
    }
    detail = {"bucket": {"name": version.bucket}, "object": item, "reason": "seqdrop reconcile"}
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def job_ended_message(name: str, task: str = TRANSFORM) -> dict:
    """A state change for a job. The finish stage asks SageMaker for the true status."""
    job = JOB_TYPES[task]
    return {
        "source": "aws.sagemaker",
        "detail-type": job.event,
        "detail": {job.name: name, job.status: "Completed"},
    }
