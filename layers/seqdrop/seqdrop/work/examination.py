"""What one pass over an upload found, as JSON in the work bucket until its raw data is archived.

Written by stages/examine, wherever the pass runs; read by stages/validate, which alone acts on it. So an upload is
read once, however often its message comes.

What lies in the work bucket expires after 14 days. An upload may wait for its mate for longer, so an examination
older than FRESH is as good as none: the work items beside it would not last until a job has read them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop import clock
from seqdrop.aws import keys
from seqdrop.aws.errors import is_missing
from seqdrop.ledger.records import Attempt

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.errors import InvalidFileError, Rejection
    from seqdrop.report.schema import Report

FRESH = timedelta(days=10)


@dataclass(frozen=True)
class Examination:
    """`report` is `Reading.report`'s; `rejection` is None if the file is valid, else what reasons/ tells of it.

    `plan` is the analysis as it was then (`Analysis.as_json`), `shards` and `items` are what the model is to see: of
    `taken` records, `distinct` ones (Selection). `masks` is the upload id of the BED that said what to fill.
    The work items are those of the attempt of this `number`: a replay may want them cut anew.
    """

    upload_id: str
    plan: str
    report: Report
    rejection: Rejection | None = None
    shards: int = 0
    items: int = 0
    taken: int = 0
    distinct: int = 0
    sha256_of_parts: str = ""  # of a file that is too large for one copy (aws/multipart.py)
    masks: str = ""
    run: str = ""  # the upload's
    number: int = 1  # of the attempt that it was made for

    @property
    def facts(self) -> dict[str, str | int | None]:
        """What the upload's ledger record keeps of it."""
        report = self.report
        return {
            "format": report["format"],
            "sha256": report["sha256"],
            "records": report["records"],
            "sha256_of_parts": self.sha256_of_parts,
        }

    def attempt(self, analysis: str) -> Attempt:
        """The attempt whose shards were written in the pass."""
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
            masks=self.masks,
        )


def rejection(error: InvalidFileError) -> Rejection:
    """The first error, then the first errors in full, and how many there are by code."""
    return {
        **error.fault.as_dict(),
        "errors": [one.as_entry() for one in error.errors],
        "counts": error.counts,
    }


def save(s3: S3Client, work: str, examination: Examination) -> None:
    body = json.dumps(asdict(examination)).encode()
    s3.put_object(Bucket=work, Key=keys.examination(examination.upload_id), Body=body, ContentType="application/json")


def is_fresh(s3: S3Client, work: str, key: str) -> bool:
    """Whether an object of the work bucket is there, and will be until a job that starts soon has read it."""
    try:
        return _is_recent(s3.head_object(Bucket=work, Key=key))
    except ClientError as error:
        if is_missing(error):
            return False
        raise


def _is_recent(found: dict) -> bool:
    return clock.utc_now() - found["LastModified"] <= FRESH


def load(s3: S3Client, work: str, upload_id: str, number: int = 1) -> Examination | None:
    """None if no pass over the upload for the attempt of that number has come to its end (or did so too long ago)."""
    try:
        found = s3.get_object(Bucket=work, Key=keys.examination(upload_id))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    if not _is_recent(found):
        return None
    examination = Examination(**json.loads(found["Body"].read()))
    return examination if examination.number == number else None
