"""The completion report of a job: manifest.json, and a CSV file without a header for each of the two outcomes."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from seqdrop.aws.errors import code_of

from local.batch.errors import JobFailureError

if TYPE_CHECKING:
    from botocore.client import BaseClient

    from local.batch.jobs import Job
    from local.batch.manifest import Task

# The schema that the service writes into manifest.json. Its rows have the two codes the other way round.
SCHEMA = "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage"
SUCCEEDED, FAILED = "succeeded", "failed"


@dataclass(frozen=True)
class Outcome:
    """The end of one task: `code` is empty if it succeeded."""

    task: Task
    http_status: int
    code: str = ""
    message: str = ""

    @property
    def status(self) -> str:
        """The word of the report for this end."""
        return FAILED if self.code else SUCCEEDED


def write_report(s3: BaseClient, job: Job, outcomes: list[Outcome]) -> None:
    """Write the report below the job's prefix with the job's role; raise JobFailureError if S3 refuses it."""
    report = job.request["Report"]
    if not report["Enabled"] or not outcomes:
        return
    bucket = report["Bucket"].partition(":::")[2]
    folder = "/".join(part for part in (report.get("Prefix", "").strip("/"), f"job-{job.id}") if part)
    scope = (FAILED,) if report["ReportScope"] == "FailedTasksOnly" else (SUCCEEDED, FAILED)
    try:
        results = [_write_rows(s3, bucket, folder, status, outcomes) for status in scope]
        manifest = _encode_manifest([result for result in results if result])
        _put(s3, bucket, f"{folder}/manifest.json", manifest)
        _put(
            s3, bucket, f"{folder}/manifest.json.md5", hashlib.md5(manifest, usedforsecurity=False).hexdigest().encode()
        )
    except ClientError as error:
        problem = f"The job report could not be written: {code_of(error)}"
        raise JobFailureError("ReportNotWritten", problem) from error


def _write_rows(s3: BaseClient, bucket: str, folder: str, status: str, outcomes: list[Outcome]) -> dict | None:
    chosen = [outcome for outcome in outcomes if outcome.status == status]
    if not chosen:
        return None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for outcome in chosen:
        task = outcome.task
        place = (task.bucket, task.written, task.version_id)
        writer.writerow((*place, status, outcome.http_status, outcome.code, outcome.message))
    content = text.getvalue().encode()
    key = f"{folder}/results/{hashlib.sha1(content, usedforsecurity=False).hexdigest()}.csv"
    _put(s3, bucket, key, content)
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return {"TaskExecutionStatus": status, "Bucket": bucket, "MD5Checksum": checksum, "Key": key}


def _encode_manifest(results: list[dict]) -> bytes:
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    head = {"Format": "Report_CSV_20180820", "ReportCreationDate": moment}
    return json.dumps(head | {"Results": results, "ReportSchema": SCHEMA}, indent=2).encode()


def _put(s3: BaseClient, bucket: str, key: str, content: bytes) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=content, ServerSideEncryption="AES256")
