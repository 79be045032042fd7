"""Restores of many objects by S3 Batch Operations: the manifest, the job, and what its report says.

The manifest is written in parts while the objects are looked at, and joined before the job is created. The job's token
is made from the request, so that a repeated call creates no second job.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.batch_operations import ENDS, MANIFEST, REPORT, format_manifest, read_report
from seqdrop.aws.errors import is_missing
from seqdrop.runtime.log import logger
from seqdrop.stages.restore import notices
from seqdrop.stages.restore.objects import mark_failed, read_status
from seqdrop.stages.restore.starting import BusyError, start_restore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.archive.restore_plan import Plan, PlannedObject
    from seqdrop.aws.batch_operations import Row
    from seqdrop.ledger.restore_records import RestoreRequest
    from seqdrop.runtime.services import Services

POLL = 300  # seconds between two looks at a job
PRIORITY = 10
COMPLETE = "Complete"


def is_batch(services: Services, request: RestoreRequest, plan: Plan) -> bool:
    """Return True if S3 Batch Operations asks for the objects. What expired is asked for again one by one."""
    count = sum(item.needs_restore for item in plan.objects)
    return request.round == 1 and count > services.settings.restore_batch_above


def write_part(services: Services, request: RestoreRequest, objects: list[PlannedObject]) -> None:
    """Write the lines of some objects. A repetition after a crash writes the same object again."""
    body = format_manifest((item.bucket, item.key, item.version_id) for item in objects)
    key = keys.restore_manifest_part(request.id, request.asked)
    services.s3.put_object(Bucket=services.settings.work, Key=key, Body=body)


def start(services: Services, request: RestoreRequest) -> None:
    """Create the job of a request, record it, and send the message of the first look at it."""
    account, partition = _account(services.settings.batch_role)
    work, etag = f"arn:{partition}:s3:::{services.settings.work}", _write_manifest(services, request)
    key = keys.restore_manifest(request.id)
    response = services.batch.create_job(
        AccountId=account,
        ConfirmationRequired=False,
        Operation={
            "S3InitiateRestoreObject": {"ExpirationInDays": request.days, "GlacierJobTier": request.tier.upper()}
        },
        Report={
            "Bucket": work,
            "Enabled": True,
            "Format": REPORT,
            "Prefix": keys.restore_reports(request.id),
            "ReportScope": "FailedTasksOnly",
        },
        ClientRequestToken=f"seqdrop-{request.id}-{request.round}",
        Manifest={
            "Spec": {"Format": MANIFEST, "Fields": ["Bucket", "Key", "VersionId"]},
            "Location": {"ObjectArn": f"{work}/{key}", "ETag": etag},
        },
        Description=f"Seqdrop restore {request.id}",
        Priority=PRIORITY,
        RoleArn=services.settings.batch_role,
    )
    if services.ledger.note(request, batch_job=response["JobId"]):
        _look_later(services, request.id)


def follow(services: Services, request: RestoreRequest, plan: Plan, revision: str) -> bool:
    """Look at the job of a request; return True if it is complete, and the objects that it could not ask for are done.

    Otherwise send the message of the next look, unless `revision` shows that another message does. A request whose job
    failed moves to FAILED.
    """
    account, _ = _account(services.settings.batch_role)
    job = services.batch.describe_job(AccountId=account, JobId=request.batch_job)["Job"]
    if job["Status"] not in ENDS:
        if revision in ("", str(request.revision)):
            _look_later(services, request.id)
        return False
    if job["Status"] == COMPLETE:
        _ask_for_failed(services, request, plan)
        return True
    causes = "; ".join(cause.get("FailureReason", "") for cause in job.get("FailureReasons", []))
    reason = f"the job {request.batch_job} of S3 Batch Operations is {job['Status']}" + (
        f": {causes}" if causes else ""
    )
    notices.mail_failed(services, request, reason)
    services.ledger.move(request, "FAILED", reason=reason[:1000])
    return False


def _look_later(services: Services, request_id: str) -> None:
    """Send the message of the next look. It continues only while the record has the revision that it names."""
    current = services.ledger.find_restore(request_id)
    if current:
        body = {"restore": request_id, "revision": str(current.revision)}
        services.send(services.settings.restore_queue, body, POLL)


def _account(role: str) -> tuple[str, str]:
    """Return account and partition of the ARN of a role."""
    _, partition, _, _, account, _ = role.split(":", 5)
    return account, partition


def _write_manifest(services: Services, request: RestoreRequest) -> str:
    """Join the parts, and return the ETag; one that exists stays, because the token stands for it."""
    bucket, key = services.settings.work, keys.restore_manifest(request.id)
    try:
        return services.s3.head_object(Bucket=bucket, Key=key)["ETag"].strip('"')
    except ClientError as error:
        if not is_missing(error):
            raise
    parts = _list(services, keys.restore_manifest_parts(request.id))
    body = b"".join(_read(services, part) for part in parts)
    return services.s3.put_object(Bucket=bucket, Key=key, Body=body)["ETag"].strip('"')


def _ask_for_failed(services: Services, request: RestoreRequest, plan: Plan) -> None:
    """Ask one by one for the objects that the job could not ask for; record why an object cannot be restored."""
    objects = {(item.key, item.version_id): item for item in plan.objects}
    rows = [row for row in _read_failed_rows(services, request) if (row.key, row.version_id) in objects]
    for row in rows:
        item = objects[row.key, row.version_id]
        status = read_status(services, item)
        if status.reason:
            mark_failed(services, item, status.reason)
        elif not (status.is_ongoing or status.until or status.is_readable):
            try:
                start_restore(services, request, item)
            except BusyError:
                return  # what is neither restored nor will be is asked for again (waiting.py)
    if rows:
        logger().info("objects that the job could not ask for", extra={"restore": request.id, "objects": len(rows)})


def _read_failed_rows(services: Services, request: RestoreRequest) -> Iterator[Row]:
    try:
        manifest = json.loads(_read(services, keys.restore_report(request.id, request.batch_job)))
    except ClientError as error:
        if is_missing(error):  # S3 writes no report of failed tasks if there are none
            return
        raise
    for result in manifest.get("Results", []):
        rows = read_report(_read(services, result["Key"]))
        yield from (row for row in rows if not row.succeeded)


def _read(services: Services, key: str) -> bytes:
    return services.s3.get_object(Bucket=services.settings.work, Key=key)["Body"].read()


def _list(services: Services, prefix: str) -> list[str]:
    pages = services.s3.get_paginator("list_objects_v2").paginate(Bucket=services.settings.work, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]
