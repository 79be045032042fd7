"""One pass over an upload: checks, figures, and the work items of its analysis. Knows S3, and no ledger or queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from seqdrop.analyses import Analysis
from seqdrop.errors import Fault, InvalidFile
from seqdrop.examination import Examination, rejection, save
from seqdrop.jobs.transform import shard_prefix
from seqdrop.ledger.records import Attempt
from seqdrop.parts import PartDigests, in_parts
from seqdrop.ranged import RangedObject
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy
from seqdrop.reads.records import Record
from seqdrop.segments import count_windows
from seqdrop.shards import MEGABYTE, shard_name, shards, work_items
from seqdrop.uploads import UploadVersion


def examine(
    s3, work: str, version: UploadVersion, analysis: Analysis, begun: Callable[[Reading], None] = lambda _: None
) -> Examination:
    """Read an upload once. Its shards and the examination lie in the bucket `work` when this returns.

    `begun` is handed the reading before it starts, to tell how far it has come. Raises ObjectGone.
    The same version and analysis give the same objects.
    """
    with RangedObject(s3, version) as body:
        parts = PartDigests(body) if in_parts(version.size) else None
        reading = Reading(parts or body, analysis.formats, name=version.key, policy=Policy(analysis.severity))
        begun(reading)
        refused, count, items = None, 0, 0
        try:
            if analysis.use:
                count, items = _write_shards(s3, work, version, reading, analysis)
            else:
                reading.run()
        except InvalidFile as error:
            refused = rejection(error)
    found = Examination(version.id, analysis.as_json(), reading.report(), refused, count, items)
    if parts and not refused:
        found = replace(found, sha256_of_parts=parts.sha256)
    save(s3, work, found)
    return found


def _write_shards(s3, work: str, version: UploadVersion, reading: Reading, analysis: Analysis) -> tuple[int, int]:
    """(shards, work items) of the file. Raises InvalidFile."""
    attempt = Attempt("PLANNED", upload_id=version.id, analysis=analysis.name)
    lines = work_items(version.id, _within_bounds(reading.records(), analysis), analysis)
    count = items = 0
    for count, (body, held) in enumerate(shards(lines, analysis.job.shard_mb * MEGABYTE), start=1):
        s3.put_object(Bucket=work, Key=shard_prefix(attempt) + shard_name(attempt.key, count - 1), Body=body)
        items += held
    return count, items


def _within_bounds(records: Iterator[Record], analysis: Analysis) -> Iterator[Record]:
    """The records, until they hold more windows than one Lambda can bring home. Raises InvalidFile then."""
    use, windows, most = analysis.use, 0, analysis.job.max_windows
    for record in records:
        windows += len(use.strands) * count_windows(len(record.sequence), use.window, use.stride)
        if windows > most:
            advice = "Split the file and drop the parts, or drop it under raw/, which has no model."
            raise InvalidFile(Fault("too_many_windows", f"the file has more than {most:,} windows to score", advice))
        yield record
