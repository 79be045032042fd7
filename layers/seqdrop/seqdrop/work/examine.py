"""Examine an upload in one pass: check it, measure it and write its work items. Uses S3, but no ledger and no queue."""

from __future__ import annotations

from dataclasses import dataclass
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

    from mypy_boto3_s3.client import S3Client

    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.config.analyses import Analysis
    from seqdrop.errors import Rejection
    from seqdrop.reads.check import Reading
    from seqdrop.uploads import UploadVersion


@dataclass(frozen=True)
class ExaminationRequest:
    """An upload to examine, for its attempt with this `number`.

    `masks` are the intervals to fill, or None to fill runs of N.
    """

    version: UploadVersion
    analysis: Analysis
    masks: BedMasks | None = None
    number: int = 1

    @property
    def attempt(self) -> Attempt:
        """The attempt after which the shards are named. It need not be in the ledger."""
        return Attempt(
            "PLANNED",
            upload_id=self.version.id,
            analysis=self.analysis.name,
            number=self.number,
            masks=self.masks.upload_id if self.masks else "",
        )


@dataclass(frozen=True)
class _Outcome:
    """The result of reading a file: the reason to reject it, or None and the number of shards."""

    rejection: Rejection | None = None
    shards: int = 0


def examine(
    s3: S3Client,
    work: str,
    request: ExaminationRequest,
    on_start: Callable[[Reading], None] = lambda _: None,
) -> Examination:
    """Read an upload once and return its examination.

    Write the shards, the examination and, if the file has a mate, the digest of its read names to the bucket `work`.
    The same version, analysis and masks give the same objects. `on_start` is called with the reading before it starts,
    so that a caller can report its progress. Raise ObjectGoneError if the upload was deleted.
    """
    version = request.version
    analysis = request.analysis
    with RangedObject(s3, version) as body:
        parts = PartDigests(body) if needs_multipart(version.size) else None
        reading = make_reading(parts or body, version.key, analysis)
        reading.size = version.size
        on_start(reading)
        reading_pass = ReadingPass(version.id, reading, analysis, request.masks)
        outcome = _write_shards(s3, work, request, reading_pass)
    accepted = outcome.rejection is None
    if accepted:
        mate_digests.save(s3, work, version.id, version.key, reading)
    examination = Examination(
        version.id,
        analysis.as_json(),
        reading.report(),
        outcome.rejection,
        shards=outcome.shards,
        items=reading_pass.counts["items"] if accepted else 0,
        taken=reading_pass.counts["taken"],
        distinct=reading_pass.counts["distinct"],
        windows=reading_pass.counts["windows"],
        sha256_of_parts=parts.sha256 if parts and accepted else "",
        masks=request.attempt.masks,
        run=run_of(version.key, analysis.prefix),
        number=request.number,
    )
    save(s3, work, examination)
    return examination


def _write_shards(s3: S3Client, work: str, request: ExaminationRequest, reading_pass: ReadingPass) -> _Outcome:
    """Read the file to its end and write its work items as shards."""
    packed = pack_shards(reading_pass.items(), request.analysis.job.shard_mb * MEGABYTE)
    count = 0
    try:
        for body, _ in packed:
            s3.put_object(Bucket=work, Key=shard_key(request.attempt, count), Body=body)
            count += 1
    except InvalidFileError as error:
        return _Outcome(rejection(error))
    return _Outcome(shards=count)
