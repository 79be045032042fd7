"""One pass over an upload: checks, figures, and the work items of its analysis. Knows S3, and no ledger or queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.multipart import PartDigests, needs_multipart
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.companions.runs import run_of
from seqdrop.errors import InvalidFileError
from seqdrop.ledger.records import Attempt
from seqdrop.work import mate_digests
from seqdrop.work.examination import Examination, rejection, save
from seqdrop.work.items import MEGABYTE, pack_shards, shard_key
from seqdrop.work.reading_pass import ReadingPass, make_reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.config.analyses import Analysis
    from seqdrop.reads.check import Reading
    from seqdrop.uploads import UploadVersion


def examine(
    s3,
    work: str,
    version: UploadVersion,
    analysis: Analysis,
    begun: Callable[[Reading], None] = lambda _: None,
    masks: BedMasks | None = None,
    number: int = 1,
) -> Examination:
    """Read an upload once, for its attempt of that number. Its shards, the examination and, of a mate, the digest of
    names lie in the bucket `work` when this returns.

    `begun` is handed the reading before it starts, to tell how far it has come; `masks` say what to fill in place of
    runs of N. Raises ObjectGoneError. The same version, analysis and masks give the same objects.
    """
    attempt = _unwritten(version, analysis, masks, number)
    with RangedObject(s3, version) as body:
        parts = PartDigests(body) if needs_multipart(version.size) else None
        reading = make_reading(parts or body, version.key, analysis)
        begun(reading)
        refused, numbers = _read(s3, work, attempt, ReadingPass(version.id, reading, analysis, masks), analysis)
    if parts and not refused:
        numbers["sha256_of_parts"] = parts.sha256
    if not refused:
        mate_digests.save(s3, work, version.id, version.key, reading)
    about = {"masks": attempt.masks, "run": run_of(version.key, analysis.prefix), "number": number}
    examination = Examination(version.id, analysis.as_json(), reading.report(), refused, **numbers, **about)
    save(s3, work, examination)
    return examination


def _unwritten(version: UploadVersion, analysis: Analysis, masks: BedMasks | None, number: int) -> Attempt:
    """The attempt that the shards are named after."""
    by = masks.upload_id if masks else ""
    return Attempt("PLANNED", upload_id=version.id, analysis=analysis.name, number=number, masks=by)


def _read(s3, work: str, attempt: Attempt, reading_pass: ReadingPass, analysis: Analysis) -> tuple[dict | None, dict]:
    """What rejects the file, if anything does; and how much of it the model is to see."""
    packed, count = pack_shards(reading_pass.items(), analysis.job.shard_mb * MEGABYTE), 0
    try:
        for count, (body, _) in enumerate(packed, start=1):
            s3.put_object(Bucket=work, Key=shard_key(attempt, count - 1), Body=body)
    except InvalidFileError as error:
        return rejection(error), reading_pass.numbers | {"shards": 0, "items": 0}
    return None, {"shards": count, **reading_pass.numbers}
