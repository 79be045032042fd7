"""Parse each shape of event that Seqdrop receives. No other module reads the content of an event.

The shapes of S3's events are documented in
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html (EventBridge, keys not encoded) and
notification-content-structure.html (`Records`, keys URL-encoded with + for a space).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote_plus

from seqdrop.aws import keys
from seqdrop.errors import SeqdropError
from seqdrop.ledger.records import TRANSFORM, attempt_keys
from seqdrop.sagemaker.async_requests import InferenceName
from seqdrop.sagemaker.client import ENDS, JOB_TYPES
from seqdrop.uploads import UploadVersion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seqdrop.runtime.messages import (
        CatalogueMessage,
        EventObject,
        InferenceMessage,
        InventoryMessage,
        JobMessage,
        S3Message,
        S3Record,
        StartMessage,
    )


SCHEDULE_MINUTES = 5  # between two runs of the reconciler (template.yaml)
INFERENCE, COMPLETED = "InferenceResult", "Completed"
RESTORE_EVENTS = ("Object Restore Completed", "Object Restore Expired")
CHANGES = ("Object Created", "Object Deleted")


class UnknownEventError(SeqdropError):
    """A message with a shape that its queue does not accept. After five tries SQS moves it to the dead-letter queue."""


def split_landed_message(body: S3Message) -> list[S3Message]:
    """Return one message for each record of a message in the `Records` shape, oldest first; else the message itself.

    A record that cannot be read then does not affect the others.
    """
    records = body.get("Records")
    if not isinstance(records, list):
        return [body]
    return [{"Records": [record]} for record in sorted(records, key=_order)]


def _order(record: S3Record) -> str:
    """Return what sorts a record among others; "" if it cannot be read."""
    try:
        return record["s3"]["object"]["sequencer"].rjust(64, "0")
    except (AttributeError, KeyError, TypeError):
        return ""


def parse_landed_versions(body: S3Message) -> list[UploadVersion]:
    """Return every object version that an S3 message reports as created, oldest first.

    The message has the EventBridge shape or the `Records` shape. The list is empty for S3's own test message and for
    deletions. Raise UnknownEventError for anything else.
    """
    if body.get("source") == "aws.s3":
        versions = _parse_eventbridge(body)
    elif "Records" in body:
        versions = _parse_records(body["Records"])
    elif body.get("Event") == "s3:TestEvent":
        versions = iter(())
    else:
        raise UnknownEventError(f"not an S3 event: it has the keys {sorted(body)[:8]}")
    return sorted(versions, key=lambda version: version.order)


def parse_finished_job(body: JobMessage) -> str | None:
    """Return the name of the SageMaker job that a state change reports as ended; None if the job still runs.

    Only the name is used. Times in these events come in three formats, and the status may be out of date, so the
    finish stage asks SageMaker. Raise UnknownEventError if the event is not a state change of a job.
    """
    job = next((job_type for job_type in JOB_TYPES.values() if job_type.event == body.get("detail-type")), None)
    if job is None:
        raise UnknownEventError(f"not a state change of a job: {body.get('detail-type')!r}")
    return body["detail"][job.name] if body["detail"].get(job.status) in ENDS else None


def parse_schedule(body: JobMessage) -> bool:
    """Return True if a message is from the schedule of a rule, and not about a job."""
    return body.get("detail-type") == "Scheduled Event"


@dataclass(frozen=True)
class InferenceResult:
    """The end of a request to an asynchronous endpoint; not `completed`: it failed, or expired in the queue."""

    name: InferenceName
    completed: bool


def is_inference_result(body: JobMessage | InferenceMessage) -> bool:
    """Return True if a message of finish is about a request to an asynchronous endpoint."""
    return body.get("eventName") == INFERENCE


def parse_inference_result(body: InferenceMessage) -> InferenceResult | None:
    """Return the end of a request that a message reports; None if Seqdrop did not make the request.

    Locations in the message are not read: the job's record has them, and the message may be out of date.
    """
    name = InferenceName.parse(str(body.get("inferenceId", "")))
    return InferenceResult(name, body.get("invocationStatus") == COMPLETED) if name else None


def make_inference_message(inference_id: str) -> InferenceMessage:
    """Return a message that has finish look at the outputs of the job with this request."""
    return {
        "eventSource": "aws:sagemaker",
        "eventName": INFERENCE,
        "invocationStatus": COMPLETED,
        "inferenceId": inference_id,
    }


def parse_inventory_message(body: S3Message | InventoryMessage) -> str:
    """Return the key of the manifest.checksum that completes an inventory; "" for another object.

    Raise UnknownEventError if the message is neither an event of S3 nor one that continues.
    """
    if name := body.get("inventory"):
        return str(name)
    versions = parse_landed_versions(cast("S3Message", body))
    return next((version.key for version in versions if version.key.endswith("/manifest.checksum")), "")


@dataclass(frozen=True)
class RestoreEvent:
    """An object of the archive bucket whose temporary copy is there, or expired. `version_id` is "" without versions.

    Which of the two is not read from the event: it may be late, or come after a newer one.
    """

    bucket: str
    key: str
    version_id: str


def parse_restore_event(body: S3Message) -> RestoreEvent:
    """Return the object of an "Object Restore Completed" or "Object Restore Expired" event.

    Raise UnknownEventError for anything else.
    """
    if body.get("detail-type") not in RESTORE_EVENTS:
        raise UnknownEventError(f"not a message of restore: it has the keys {sorted(body)[:8]}")
    item = body["detail"]["object"]
    return RestoreEvent(body["detail"]["bucket"]["name"], item["key"], item.get("version-id") or "")


def make_restore_event(bucket: str, key: str, version_id: str) -> S3Message:
    """Return an event that has restore look at an archive object."""
    item: EventObject = {"key": key}
    if version_id:
        item["version-id"] = version_id
    return {
        "source": "aws.s3",
        "detail-type": RESTORE_EVENTS[0],
        "detail": {"bucket": {"name": bucket}, "object": item, "reason": "seqdrop reconcile"},
    }


@dataclass(frozen=True)
class Derivable:
    """What facts in the results bucket are about: an upload, by its id, or a run, by the key of its run.json."""

    upload: str = ""
    run_report: str = ""

    def message(self) -> CatalogueMessage:
        """Return a message that has the facts read again."""
        return {"upload": self.upload} if self.upload else {"run_report": self.run_report}


def parse_catalogue_message(body: S3Message | CatalogueMessage) -> Derivable | None:
    """Return what an event of the results bucket is about; None if its object holds no facts.

    Whether the object was created or deleted is not read from the event: it may be late, or come after a newer one.
    Raise UnknownEventError for anything else.
    """
    if upload := body.get("upload"):
        return Derivable(upload=str(upload))
    if report := body.get("run_report"):
        return Derivable(run_report=str(report))
    if body.get("source") != "aws.s3" or body.get("detail-type") not in CHANGES:
        raise UnknownEventError(f"not a message of catalogue: it has the keys {sorted(body)[:8]}")
    return derivable_of(cast("S3Message", body)["detail"]["object"]["key"])


def derivable_of(key: str) -> Derivable | None:
    """Return what an object of the results bucket holds facts about; None for any other object."""
    if match := keys.UPLOAD_FACTS.fullmatch(key):
        return Derivable(upload=match["id"] or match["predicted"])
    return Derivable(run_report=key) if keys.RUN_REPORT.fullmatch(key) else None


def parse_start_message(body: object) -> StartMessage:
    """Return a message of start_transform: it names an attempt or a job, or reports free job slots.

    Raise UnknownEventError if it does none of these, or if what it names cannot be an attempt.
    """
    names = [name for name in ("attempt", "job", "room") if isinstance(body, dict) and isinstance(body.get(name), str)]
    if not names:
        raise UnknownEventError("not a message of start_transform: it names no attempt and no job")
    message = cast("StartMessage", body)
    try:
        if "attempt" in message:
            attempt_keys(message["attempt"])
    except (ValueError, AttributeError) as error:
        raise UnknownEventError("not a message of start_transform: its attempt has another form") from error
    return message


def _parse_eventbridge(body: S3Message) -> Iterator[UploadVersion]:
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


def _parse_records(records: list[S3Record]) -> Iterator[UploadVersion]:
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


def make_landed_message(version: UploadVersion) -> S3Message:
    """Return an EventBridge "Object Created" event for a version. Validate then handles its upload again."""
    item: EventObject = {
        "key": version.key,
        "version-id": version.version_id,
        "size": version.size,
        "etag": version.etag,
        "sequencer": version.sequencer,
    }
    return {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": version.bucket}, "object": item, "reason": "seqdrop reconcile"},
    }


def make_job_ended_message(name: str, task: str = TRANSFORM) -> JobMessage:
    """Return a state change that reports a job as ended. The finish stage asks SageMaker for the true status."""
    job = JOB_TYPES[task]
    return {
        "source": "aws.sagemaker",
        "detail-type": job.event,
        "detail": {job.name: name, job.status: "Completed"},
    }


def is_first_of_hour(event: Mapping[str, object]) -> bool:
    """Return True for the first run of the schedule in an hour, and for an event without a time: a person sent it.

    Raise ValueError if the time of the event is not ISO 8601.
    """
    time = event.get("time")
    return not isinstance(time, str) or datetime.fromisoformat(time).minute < SCHEDULE_MINUTES
