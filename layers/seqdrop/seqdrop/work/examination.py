"""The result of one pass over an upload, kept as JSON in the work bucket until the raw data is archived.

`work.examine` writes it, in a Lambda function or in a processing job. `stages.validate` reads it, and no other stage
acts on it. An upload is therefore read only once, even if its message arrives several times.

Objects of the work bucket expire after 14 days, and an upload may wait longer for its mate. An examination older than
FRESH is therefore ignored: its work items could expire before a job has read them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.ledger.records import Attempt
from seqdrop.work.hashing import OTHER

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.errors import InvalidFileError, Rejection
    from seqdrop.report.schema import Report

FRESH = timedelta(days=10)
# Fields that versions up to 0.2 did not have, and their types.
ADDED = {"windows": int, "crc32": str, "md5": str, "labels": str, "figures": str}


@dataclass(frozen=True)
class Examination:
    """The result of one pass.

    `report` is the result of `Reading.report`; `rejection` is None if the file is valid. `plan` is the analysis at the
    time of the pass (`Analysis.as_json`). `items` is the number of work items and `shards` the number of objects that
    contain them. `taken` records were selected, `distinct` of these went to the model, and `windows` is the number of
    its predictions for them (`Selection`). `masks` is the upload id of the BED with the intervals to fill, or "". The
    work items are those of the attempt with this `number`; a replay may need others. `crc32` and `md5` are hexadecimal,
    "" if they were not computed; an examination of an earlier version has neither.
    """

    upload_id: str
    plan: str
    report: Report
    rejection: Rejection | None = None
    shards: int = 0
    items: int = 0
    taken: int = 0
    distinct: int = 0
    windows: int = 0
    sha256_of_parts: str = ""  # set if the file is too large for a single copy (aws/multipart.py)
    masks: str = ""
    run: str = ""  # the folder of the run that the upload belongs to (companions/runs.py)
    number: int = 1
    crc32: str = ""
    md5: str = ""
    figures: str = ""  # those by which the sample of a file is judged, as JSON (runs/figures.py)
    labels: str = ""  # "yes" if the object has user metadata or tags (aws/labels.py); known of files that are hashed

    @property
    def facts(self) -> dict[str, str | int | None]:
        """The facts that the ledger's record of the upload stores."""
        return {
            "format": self.report["format"],
            "sha256": self.report["sha256"],
            "records": self.report["records"],
            "crc32": self.crc32,
            "md5": self.md5,
            "sha256_of_parts": self.sha256_of_parts,
            "labels": self.labels,
            "figures": self.figures,
        }

    @property
    def is_of_reads(self) -> bool:
        """Whether the file was read as sequences, so that there is a report on them."""
        return self.report["format"] != OTHER

    def attempt(self, analysis: str) -> Attempt:
        """Return a new attempt (state PLANNED) with the shards that the pass wrote."""
        return Attempt(
            "PLANNED",
            upload_id=self.upload_id,
            analysis=analysis,
            number=self.number,
            run=self.run,
            plan=self.plan,
            shards=self.shards,
            items=self.items,
            taken=self.taken,
            distinct=self.distinct,
            windows=self.windows,
            masks=self.masks,
        )


def rejection(error: InvalidFileError) -> Rejection:
    """Return the reason for a rejection as JSON: the first error, the first errors in a list, and counts by code."""
    first = error.fault
    return {
        "code": first.code,
        "message": first.message,
        "advice": first.advice,
        "name": first.name,
        "record": first.record,
        "line": first.line,
        "byte": first.byte,
        "errors": [fault.as_entry() for fault in error.errors],
        "counts": error.counts,
    }


def save(s3: S3Client, work: str, examination: Examination) -> None:
    """Write an examination to the work bucket.

    Functions of versions up to 0.2, which may be at work during an upgrade, refuse a body with fields that they do not
    know. Fields that were added since are therefore in the metadata of the object.
    """
    content = asdict(examination)
    added = {name: str(content.pop(name)) for name in ADDED}
    metadata = {name: value for name, value in added.items() if value}
    s3.put_object(
        Bucket=work,
        Key=keys.examination(examination.upload_id),
        Body=json.dumps(content).encode(),
        ContentType="application/json",
        Metadata=metadata,
    )


def is_fresh(s3: S3Client, work: str, key: str) -> bool:
    """Return True if an object of the work bucket exists and is at most FRESH old, so that a job can still read it."""
    try:
        return _is_recent(s3.head_object(Bucket=work, Key=key)["LastModified"])
    except ClientError as error:
        if is_missing(error):
            return False
        raise


def _is_recent(last_modified: datetime) -> bool:
    return clock.utc_now() - last_modified <= FRESH


def load(s3: S3Client, work: str, upload_id: str, number: int = 1) -> Examination | None:
    """Return the examination for the attempt with this number; None if there is none, or if it is older than FRESH."""
    try:
        response = s3.get_object(Bucket=work, Key=keys.examination(upload_id))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    if not _is_recent(response["LastModified"]):
        return None
    added = {name: ADDED[name](value) for name, value in response.get("Metadata", {}).items() if name in ADDED}
    examination = Examination(**(json.loads(response["Body"].read()) | added))
    return examination if examination.number == number else None
