"""An object landed: read it once, and accept it with its work items or reject it with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from botocore.exceptions import ClientError

from seqdrop.analyses import Analysis
from seqdrop.archive import GONE, LONGEST_KEY, archive_key
from seqdrop.errors import Fault, InvalidFile, ObjectGone
from seqdrop.jobs.transform import shard_prefix
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.log import logger
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy
from seqdrop.reads.records import Record
from seqdrop.segments import count_windows
from seqdrop.services import Services
from seqdrop.shards import MEGABYTE, shard_name, shards, work_items
from seqdrop.stages.road import hand_on
from seqdrop.uploads import UploadVersion


def validate(services: Services, version: UploadVersion) -> None:
    """Bring an upload from its landing to VALIDATED, REJECTED or WITHDRAWN."""
    if version.is_folder_marker:
        return
    version = _identified(services, version)
    analysis = services.analyses.for_key(version.key)
    upload = _received(services, version, analysis)
    if upload.state != "RECEIVED":
        return hand_on(services, upload)  # the message came again; the next one may have been lost
    try:
        _accept(services, upload, analysis)
    except InvalidFile as error:
        _reject(services, upload, error)
    except ObjectGone as error:
        services.ledger.move(upload, "WITHDRAWN", reason="deleted_before_validation")
        logger().info(str(error), extra={"upload_id": upload.id})


def _identified(services: Services, version: UploadVersion) -> UploadVersion:
    """An event may lack the version id, even of a versioned bucket; then S3 is asked for the present one."""
    if version.version_id != "null":
        return version
    try:
        head = services.s3.head_object(Bucket=version.bucket, Key=version.key)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return version
        raise
    return replace(
        version,
        version_id=head.get("VersionId", "null"),
        size=head["ContentLength"],
        etag=head["ETag"].strip('"'),
    )


def _received(services: Services, version: UploadVersion, analysis: Analysis | None) -> Upload:
    services.ledger.create(Upload.received(version, analysis.name if analysis else ""))
    return services.ledger.upload(version.id)


def _accept(services: Services, upload: Upload, analysis: Analysis | None) -> None:
    _check_place(services, upload, analysis)
    policy = Policy(analysis.severity)
    reading = Reading(_body(services, upload), analysis.formats, name=upload.key, policy=policy)
    attempts = [_plan(services, upload, reading, analysis)] if analysis.use else []
    if not analysis.use:
        reading.run()
    _report(services, upload, reading)
    facts = {"format": reading.format, "sha256": reading.digest.sha256, "records": reading.tally.records}
    services.ledger.move(upload, "VALIDATED", *attempts, **facts)
    hand_on(services, services.ledger.upload(upload.id))


def _check_place(services: Services, upload: Upload, analysis: Analysis | None) -> None:
    """Whether the key and the size are such that the file is read at all."""
    if analysis is None:
        prefixes = ", ".join(services.analyses.prefixes)
        advice = f"Drop it again under one of: {prefixes}. analyses.toml says what each means."
        raise InvalidFile(Fault("no_analysis", "the key is under no prefix that Seqdrop knows", advice))
    if len(archive_key(upload).encode()) > LONGEST_KEY:
        advice = "Give the file or its folders shorter names: its archive key is 27 bytes longer, and S3 allows 1024."
        raise InvalidFile(Fault("key_too_long", "the key is too long to be archived", advice))
    if upload.size > analysis.max_bytes:
        advice = "Split the file (by lane, or `seqkit split2`) and drop the parts, or raise max_gb in analyses.toml."
        limit = f"{upload.size / 1e9:.2f} GB, and {analysis.prefix} takes {analysis.max_gb:g} GB at the most"
        raise InvalidFile(Fault("too_large", f"the file has {limit}", advice))


def _body(services: Services, upload: Upload):
    try:
        answer = services.s3.get_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            raise ObjectGone("the object was deleted before it was read") from error
        raise
    return answer["Body"]


def _plan(services: Services, upload: Upload, reading: Reading, analysis: Analysis) -> Attempt:
    """Write the work items; the attempt says how many there are. The same file gives the same shards."""
    attempt = Attempt("PLANNED", upload_id=upload.id, analysis=analysis.name, plan=analysis.as_json())
    lines = work_items(upload.id, _within_bounds(reading.records(), analysis), analysis)
    count = items = 0
    for count, (body, held) in enumerate(shards(lines, analysis.job.shard_mb * MEGABYTE), start=1):
        key = shard_prefix(attempt) + shard_name(attempt.key, count - 1)
        services.s3.put_object(Bucket=services.settings.work, Key=key, Body=body)
        items += held
    return replace(attempt, shards=count, items=items)


def _within_bounds(records: Iterator[Record], analysis: Analysis) -> Iterator[Record]:
    """The records, until they hold more windows than one Lambda can bring home. Raises InvalidFile then."""
    use, windows, most = analysis.use, 0, analysis.job.max_windows
    for record in records:
        windows += len(use.strands) * count_windows(len(record.sequence), use.window, use.stride)
        if windows > most:
            advice = "Split the file and drop the parts, or drop it under raw/, which has no model."
            raise InvalidFile(Fault("too_many_windows", f"the file has more than {most:,} windows to score", advice))
        yield record


def _report(services: Services, upload: Upload, reading: Reading) -> None:
    report = {
        "upload": upload.id,
        "key": upload.key,
        "version_id": upload.version_id,
        **reading.report(),
    }
    services.put_json(services.settings.results, f"reports/{upload.id}.json", report)


def _reject(services: Services, upload: Upload, error: InvalidFile) -> None:
    """Write the reason and tell the lab, then the ledger: told twice at the worst, never not at all."""
    fault = error.fault
    reason = {
        "upload": upload.id,
        "bucket": upload.bucket,
        "key": upload.key,
        "version_id": upload.version_id,
        **fault.as_dict(),
        "retryable": False,
        "errors": [one.as_entry() for one in error.errors],
        "counts": error.counts,
        "file": "It was left where it lies. Once mended, drop it again; the old version may then be deleted.",
    }
    key = f"reasons/{upload.id}.json"
    services.put_json(services.settings.results, key, reason)
    where = f" (record {fault.record}, line {fault.line}, byte {fault.byte})" if fault.record else ""
    services.notify(
        f"Seqdrop rejected {upload.key}",
        f"{upload.key}\n{fault.code}: {fault.message}{where}\n{fault.advice}\n"
        f"Reason: s3://{services.settings.results}/{key}\n",
    )
    services.ledger.move(upload, "REJECTED", reason=fault.code)
    logger().info("rejected", extra={"upload_id": upload.id, "code": fault.code})
