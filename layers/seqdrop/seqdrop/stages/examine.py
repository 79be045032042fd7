"""One pass over an upload: checks, figures, and the work items of its analysis. Knows S3, and no ledger or queue."""

from __future__ import annotations

from botocore.exceptions import ClientError

from seqdrop.analyses import Analysis
from seqdrop.archive import GONE
from seqdrop.errors import InvalidFile, ObjectGone
from seqdrop.examination import Examination, rejection, save
from seqdrop.jobs.transform import shard_prefix
from seqdrop.ledger.records import Attempt
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy
from seqdrop.selection import Counted, Selection
from seqdrop.shards import MEGABYTE, shard_name, shards, work_items
from seqdrop.uploads import UploadVersion


def examine(s3, work: str, version: UploadVersion, analysis: Analysis) -> Examination:
    """Read an upload once. Its shards and the examination lie in the bucket `work` when this returns.

    Raises ObjectGone. The same version and analysis give the same objects.
    """
    reading = Reading(_body(s3, version), analysis.formats, name=version.key, policy=Policy(analysis.severity))
    refused, count, items, chosen = None, 0, 0, Selection(analysis)
    try:
        if analysis.use:
            count, items = _write_shards(s3, work, version, chosen.of(reading.records()), analysis)
        else:
            reading.run()
    except InvalidFile as error:
        refused = rejection(error)
    numbers = {"shards": count, "items": items, "taken": chosen.taken, "distinct": chosen.distinct}
    found = Examination(version.id, analysis.as_json(), reading.report(), refused, **numbers)
    save(s3, work, found)
    return found


def _body(s3, version: UploadVersion):
    try:
        answer = s3.get_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            raise ObjectGone("the object was deleted before it was read") from error
        raise
    return answer["Body"]


def _write_shards(s3, work: str, version: UploadVersion, counted: Counted, analysis: Analysis) -> tuple[int, int]:
    """(shards, work items) of the records. Raises InvalidFile."""
    attempt = Attempt("PLANNED", upload_id=version.id, analysis=analysis.name)
    lines = work_items(version.id, counted, analysis)
    count = items = 0
    for count, (body, held) in enumerate(shards(lines, analysis.job.shard_mb * MEGABYTE), start=1):
        s3.put_object(Bucket=work, Key=shard_prefix(attempt) + shard_name(attempt.key, count - 1), Body=body)
        items += held
    return count, items
