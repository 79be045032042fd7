"""S3 Batch Operations: jobs that restore many objects, and their reports.

The service "completes" a job when every restore was asked for; S3 reports each temporary copy by an event of its own.
Formats: https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-create-job.html and
batch-ops-examples-reports.html. Manifests and reports are CSV without a header; keys are URL-encoded.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MANIFEST = "S3BatchOperations_CSV_20180820"
REPORT = "Report_CSV_20180820"
COLUMNS = 6  # of a report, before the message: bucket, key, version id, task status, and two codes
ENDS = ("Complete", "Failed", "Cancelled")


class BatchClient(Protocol):
    """The operations of the client `s3control` that are used; boto3-stubs for it are not among the requirements."""

    def create_job(self, **request: object) -> dict[str, Any]:
        """Create a job."""

    def describe_job(self, **request: object) -> dict[str, Any]:
        """Describe a job."""


@dataclass(frozen=True)
class Row:
    """A line of a job's report. `error` is the code of the error; "" if the task succeeded."""

    bucket: str
    key: str
    version_id: str
    succeeded: bool
    error: str


def format_manifest(objects: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the lines of a manifest: bucket, key and version id of each object."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for bucket, key, version_id in objects:
        rows.writerow((bucket, quote(key, safe="/"), *([version_id] if version_id else [])))
    return text.getvalue().encode()


def read_report(body: bytes) -> Iterator[Row]:
    """Yield the rows of one file of a report.

    AWS's texts disagree about the order of error code and HTTP status, so the numeric one is the status.
    """
    for row in csv.reader(io.StringIO(body.decode())):
        if len(row) < COLUMNS:
            continue
        bucket, key, version_id, status, *codes = row[:COLUMNS]
        error = next((code for code in codes if code and not code.isdecimal()), "")
        yield Row(bucket, unquote(key), version_id, status.lower() == "succeeded", error)
