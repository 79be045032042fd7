"""Examine an upload in one pass: check it, measure it and write its work items. Uses S3, but no ledger and no queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.aws.multipart import PartDigests, needs_multipart
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.companions.runs import run_of
from seqdrop.errors import InvalidFileError
from seqdrop.ledger.records import Attempt
from seqdrop.reads.qc import Tally
from seqdrop.reads.suffix import format_of_reads
from seqdrop.runs.figures import Barcodes, pack_figures
from seqdrop.runs.read_names import is_undetermined
from seqdrop.work import mate_digests
from seqdrop.work.bam_header import is_aligned
from seqdrop.work.examination import Examination, rejection, save
from seqdrop.work.hashing import OTHER, hash_object, is_hashed_only, is_kept_whole
from seqdrop.work.items import MEGABYTE, pack_shards, shard_key
from seqdrop.work.reading_pass import ReadingPass, make_reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3.client import S3Client

    from seqdrop.companions.bed_masks import BedMasks
    from seqdrop.config.analyses import Analysis
    from seqdrop.errors import Rejection
    from seqdrop.reads.check import Reading
    from seqdrop.reads.checksums import Checksums
    from seqdrop.report.schema import FileReport, Report
    from seqdrop.uploads import UploadVersion
    from seqdrop.work.hashing import Progress


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
    on_start: Callable[[Progress], None] = lambda _: None,
) -> Examination:
    """Read an upload once and return its examination.

    Write the shards, the examination and, if the file has a mate, the digest of its read names to the bucket `work`.
    The same version, analysis and masks give the same objects. `on_start` is called with the pass before it starts, so
    that a caller can report its progress. Raise ObjectGoneError if the upload was deleted.
    """
    version, analysis = request.version, request.analysis
    if is_hashed_only(analysis, version.key, version.size) or (
        is_kept_whole(analysis, version.key) and is_aligned(s3, version)
    ):
        examination = hash_upload(s3, request, on_start)
    else:
        examination = _read_upload(s3, work, request, on_start)
    save(s3, work, examination)
    return examination


def hash_upload(
    s3: S3Client, request: ExaminationRequest, on_start: Callable[[Progress], None] = lambda _: None
) -> Examination:
    """Return the examination of an upload that is only hashed (work/hashing.py). Nothing is written.

    Raise ObjectGoneError if the upload was deleted, and UnreadableObjectError if S3 does not return its bytes.
    """
    version, analysis = request.version, request.analysis
    hashed = hash_object(s3, version, md5=analysis.md5, on_start=on_start)
    return Examination(
        version.id,
        analysis.as_json(),
        _describe_hashed(version, hashed.checksums),
        sha256_of_parts=hashed.sha256_of_parts,
        run=run_of(version.key, analysis.prefix),
        number=request.number,
        crc32=hashed.checksums.crc32,
        md5=hashed.checksums.md5,
        labels="yes" if hashed.has_labels else "",
    )


def _pack_figures(reading: Reading, report: FileReport, key: str) -> str:
    """Return the figures of a file for its record; only those of reads of no sample have their barcodes."""
    first = reading.tally.first_reads
    barcodes = Barcodes(first.number, first.barcodes) if is_undetermined(key) else None
    return pack_figures(report, first.duplicate_share, barcodes)


def _describe_hashed(version: UploadVersion, checksums: Checksums) -> Report:
    """Return the report on a file that was not read as sequences: it is valid, and has no records."""
    return {
        "valid": True,
        "format": OTHER,
        "compression": None,
        "layout": None,
        "interleaved": False,
        "size": version.size,
        "sha256": checksums.sha256,
        "records": 0,
        "errors": [],
        "warnings": [],
        "counts": {},
        "qc": Tally().report(),
    }


def _read_upload(
    s3: S3Client, work: str, request: ExaminationRequest, on_start: Callable[[Progress], None]
) -> Examination:
    """Read an upload as sequences, and return its examination. Write its shards and the digest of its read names."""
    version, analysis = request.version, request.analysis
    with RangedObject(s3, version) as body:
        parts = PartDigests(body, version.size) if needs_multipart(version.size) else None
        reading = make_reading(parts or body, version.key, analysis)
        reading.size = version.size
        on_start(reading)
        reading_pass = ReadingPass(version.id, reading, analysis, request.masks)
        outcome = _write_shards(s3, work, request, reading_pass)
    accepted = outcome.rejection is None
    if accepted:
        mate_digests.save(s3, work, version.id, version.key, reading)
    report, checksums = reading.report(), reading.digest.checksums
    if accepted and report["format"] is None:  # a file without reads, which is only a warning for this analysis
        report["format"] = format_of_reads(version.key)
    return Examination(
        version.id,
        analysis.as_json(),
        report,
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
        crc32=checksums.crc32 if accepted else "",
        md5=checksums.md5 if accepted else "",
        figures=_pack_figures(reading, report, version.key) if accepted else "",
    )


def _write_shards(s3: S3Client, work: str, request: ExaminationRequest, reading_pass: ReadingPass) -> _Outcome:
    """Read the file to its end and write its work items as shards."""
    packed = pack_shards(reading_pass.items(), request.analysis.shard_mb * MEGABYTE)
    count = 0
    try:
        for body, _ in packed:
            s3.put_object(Bucket=work, Key=shard_key(request.attempt, count), Body=body)
            count += 1
    except InvalidFileError as error:
        return _Outcome(rejection(error))
    return _Outcome(shards=count)
