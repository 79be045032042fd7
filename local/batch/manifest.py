"""The manifest of a job: a CSV file without a header line, whose columns the job's request names."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError
from seqdrop.aws.errors import code_of, is_denied

from local.batch.errors import JobFailureError

if TYPE_CHECKING:
    from botocore.client import BaseClient

COLUMNS = frozenset({"Bucket", "Key", "VersionId", "Ignore"})


@dataclass(frozen=True)
class Task:
    """One object of the manifest. `written` is its key as the manifest has it, URL-encoded."""

    bucket: str
    key: str
    written: str
    version_id: str = ""

    @property
    def location(self) -> dict[str, str]:
        """The members that name the object in a request of S3."""
        exact = {"VersionId": self.version_id} if self.version_id else {}
        return {"Bucket": self.bucket, "Key": self.key} | exact


def read_manifest(s3: BaseClient, manifest: dict) -> list[Task]:
    """Return the tasks of a manifest, read with the job's role; raise JobFailureError if it cannot be used."""
    location = manifest["Location"]
    bucket, _, key = location["ObjectArn"].partition(":::")[2].partition("/")
    version = {"VersionId": location["ObjectVersionId"]} if location.get("ObjectVersionId") else {}
    try:
        response = s3.get_object(Bucket=bucket, Key=key, **version)
    except ClientError as error:
        name = "Forbidden" if is_denied(error) else "ManifestNotFound"
        raise JobFailureError(name, f"Failed to load manifest {location['ObjectArn']}: {code_of(error)}") from error
    if response["ETag"].strip('"') != location["ETag"].strip('"'):
        raise JobFailureError("ManifestETagMismatch", "The ETag of the manifest does not match the job's")
    return parse_manifest(response["Body"].read(), manifest["Spec"]["Fields"])


def parse_manifest(content: bytes, fields: list[str]) -> list[Task]:
    """Return the tasks of a manifest's content; raise JobFailureError for a malformed or empty one."""
    try:
        rows = [row for row in csv.reader(io.StringIO(content.decode())) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise _invalid("is not CSV in UTF-8") from error
    if not rows:
        raise _invalid("has no objects")
    if any(len(row) != len(fields) for row in rows):
        raise _invalid(f"has rows that do not have {len(fields)} columns")
    tasks = [_read_row(dict(zip(fields, row, strict=True))) for row in rows]
    if not all(task.bucket and task.key for task in tasks):
        raise _invalid("has rows without a bucket or a key")
    if len({bool(task.version_id) for task in tasks}) > 1:
        raise _invalid("names versions in some rows only")
    if len({task.bucket for task in tasks}) > 1:
        raise _invalid("names more than one bucket")
    return tasks


def _read_row(row: dict[str, str]) -> Task:
    return Task(row["Bucket"], unquote_plus(row["Key"]), row["Key"], row.get("VersionId", ""))


def _invalid(problem: str) -> JobFailureError:
    return JobFailureError("InvalidManifestContent", f"The manifest {problem}")
