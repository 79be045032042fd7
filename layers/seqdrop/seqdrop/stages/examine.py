"""One pass over an upload: checks, figures, and the work items of its analysis. Knows S3, and no ledger or queue."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from seqdrop.analyses import Analysis
from seqdrop.archive import GONE
from seqdrop.errors import Fault, InvalidFile, ObjectGone
from seqdrop.examination import Examination, rejection, save
from seqdrop.jobs.transform import shard_prefix
from seqdrop.ledger.records import Attempt
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy
from seqdrop.reads.records import Record
from seqdrop.shards import MEGABYTE, count_answers, items_of, shard_name, shards
from seqdrop.uploads import UploadVersion


def examine(s3, work: str, version: UploadVersion, analysis: Analysis) -> Examination:
    """Read an upload once. Its shards and the examination lie in the bucket `work` when this returns.

    Raises ObjectGone. The same version and analysis give the same objects.
    """
    reading = Reading(_body(s3, version), analysis.formats, name=version.key, policy=Policy(analysis.severity))
    refused, count, items = None, 0, 0
    try:
        if analysis.use:
            count, items = _write_shards(s3, work, version, reading, analysis)
        else:
            reading.run()
    except InvalidFile as error:
        refused = rejection(error)
    found = Examination(version.id, analysis.as_json(), reading.report(), refused, count, items)
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


def _write_shards(s3, work: str, version: UploadVersion, reading: Reading, analysis: Analysis) -> tuple[int, int]:
    """(shards, work items) of the file. Raises InvalidFile."""
    attempt = Attempt("PLANNED", upload_id=version.id, analysis=analysis.name)
    lines = items_of(version.id, _within_bounds(reading.records(), analysis), analysis)
    count = items = 0
    for count, (body, held) in enumerate(shards(lines, analysis.job.shard_mb * MEGABYTE), start=1):
        s3.put_object(Bucket=work, Key=shard_prefix(attempt) + shard_name(attempt.key, count - 1), Body=body)
        items += held
    if not items:  # a job takes no empty input
        advice = "Nothing is to be done for it here; drop it under raw/ to archive it."
        raise InvalidFile(Fault("nothing_to_score", "the file has nothing that the model could be asked about", advice))
    return count, items


def _within_bounds(records: Iterator[Record], analysis: Analysis) -> Iterator[Record]:
    """The records, until they hold more windows than one Lambda can bring home. Raises InvalidFile then."""
    use, windows, most = analysis.use, 0, analysis.job.max_windows
    for record in records:
        windows += count_answers(record.sequence, use)
        if windows > most:
            advice = "Split the file and drop the parts, or drop it under raw/, which has no model."
            raise InvalidFile(Fault("too_many_windows", f"the file has more than {most:,} windows to score", advice))
        yield record
