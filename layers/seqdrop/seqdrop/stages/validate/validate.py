"""Validate an object that landed: read it once, then accept it with its attempt or reject it with a reason."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_missing
from seqdrop.errors import Fault, InvalidFileError, ObjectGoneError, UnreadableObjectError
from seqdrop.kinds.plans import attempts_of
from seqdrop.ledger.moves import UNDECIDED
from seqdrop.ledger.records import apply_move
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import now
from seqdrop.stages.archive.cold_copy import LONGEST_KEY, archive_key
from seqdrop.stages.assemble.engine import resolve
from seqdrop.stages.assemble.policies import notify_landed, policy_of
from seqdrop.stages.duplicates import find_archived, is_repeat
from seqdrop.stages.landed import is_foreign, record
from seqdrop.stages.lease import READING
from seqdrop.stages.notifications import reject, write_report
from seqdrop.stages.routing import enqueue_next
from seqdrop.stages.runs.arrival import announce, join_run
from seqdrop.stages.start_processing.tries import request_try
from seqdrop.stages.unreadable import explain_unreadable
from seqdrop.stages.validate.run_gate import monitor
from seqdrop.work.examination import Examination, load, rejection
from seqdrop.work.examine import ExaminationRequest, examine, hash_upload
from seqdrop.work.hashing import is_hashed_by_lambda, is_one_request

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analyses import Analysis
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.policy import Policy
    from seqdrop.uploads import UploadVersion


def validate(services: Services, version: UploadVersion) -> None:
    """Record an object version that landed, and move its upload to VALIDATED, REJECTED, WITHDRAWN or WAITING.

    A marker opens its run, or has it judged. An upload that is VALIDATED already is enqueued, or monitored while it
    waits for its run. An upload in a final state is enqueued again, since its next message may have been lost. Folder
    markers are ignored. Objects of other buckets are refused.
    """
    if version.is_folder_marker or is_foreign(services, version):
        return
    version = _identify(services, version)
    upload = record(services, version)
    notify_landed(services, upload)
    run = join_run(services, upload)
    _advance(services, upload)
    announce(services, upload, run)
    return


def _advance(services: Services, upload: Upload) -> None:
    """Do what the state of an upload that landed, now or before, requires."""
    analysis = services.analyses.for_key(upload.key)
    if upload.state == "VALIDATED":
        return monitor(services, upload)
    if upload.state not in UNDECIDED:
        return enqueue_next(services, upload)  # the message was delivered again; the next one may have been lost
    with _final_states(services, upload):
        _resolve(services, upload, analysis)
    return None


@contextmanager
def _final_states(services: Services, upload: Upload) -> Iterator[None]:
    """Move the upload to REJECTED or WITHDRAWN if the block raises InvalidFileError or ObjectGoneError."""
    try:
        yield
    except InvalidFileError as error:
        reject(services, upload, rejection(error))
    except UnreadableObjectError as error:
        reject(services, upload, explain_unreadable(services, error))
    except ObjectGoneError as error:
        services.ledger.move(upload, "WITHDRAWN", reason="deleted_before_validation")
        logger().info(str(error), extra={"upload_id": upload.id})


def _resolve(services: Services, upload: Upload, analysis: Analysis | None) -> None:
    """Examine and resolve a RECEIVED upload, alone or with the files that belong to it; resolve a WAITING upload.

    Raise InvalidFileError if it is invalid, UnreadableObjectError if S3 does not return its bytes, and ObjectGoneError
    if it was deleted.
    """
    policy = policy_of(services.analyses, upload)
    if upload.state == "WAITING":
        return resolve(services, upload, policy) if policy else _read_anew(services, upload)
    analysis = _check_place(services, upload, analysis)
    if policy and not policy.after_examination:
        return resolve(services, upload, policy)
    if is_hashed_by_lambda(analysis, upload.key, upload.size):
        return _hash(services, upload, analysis)
    if examination := load(services.s3, services.settings.work, upload.id, upload.read_for):
        return _accept_or_reject(services, upload, examination, policy)
    if services.analyses.needs_job(upload.size):  # too large for a Lambda; its message is sent again when the job ends
        return request_try(services, upload)
    if reader := READING.take(services, upload):
        _read(services, reader, analysis, policy)
    return None


def _read_anew(services: Services, upload: Upload) -> None:
    """Move a WAITING upload that belongs to no set any more to RECEIVED, and send its message to validate again.

    It is then read with the present analysis of its prefix.
    """
    if services.ledger.move(upload, "RECEIVED"):
        services.send(services.settings.validate_queue, make_landed_message(upload.version))


def _identify(services: Services, version: UploadVersion) -> UploadVersion:
    """Return the version with its version id.

    An event may lack the id, even if the bucket is versioned. Then S3 is asked for the current version of the key.
    """
    if version.version_id != "null":
        return version
    try:
        head = services.s3.head_object(Bucket=version.bucket, Key=version.key)
    except ClientError as error:
        if is_missing(error):
            return version
        raise
    return replace(
        version,
        version_id=head.get("VersionId", "null"),
        size=head["ContentLength"],
        etag=head["ETag"].strip('"'),
    )


def _check_place(services: Services, upload: Upload, analysis: Analysis | None) -> Analysis:
    """Return the analysis of an upload. Raise InvalidFileError if its key or its size does not allow it to be read."""
    if analysis is None:
        prefixes = ", ".join(services.analyses.prefixes)
        advice = f"Drop it again under one of these prefixes: {prefixes}. analyses.toml says what each means."
        raise InvalidFileError(Fault("no_analysis", "its key is under no prefix of analyses.toml", advice))
    if len(archive_key(upload).encode()) > LONGEST_KEY:
        advice = "Shorten the name of the file or of its folders: its archive key is 27 bytes longer; S3 allows 1024."
        raise InvalidFileError(Fault("key_too_long", "the key is too long to be archived", advice))
    if upload.size > analysis.max_bytes:
        advice = "Split the file (by lane, or `seqkit split2`) and drop the parts, or raise max_gb in analyses.toml."
        message = f"the file has {upload.size / 1e9:.2f} GB; the limit of {analysis.prefix} is {analysis.max_gb:g} GB"
        raise InvalidFileError(Fault("too_large", message, advice))
    return analysis


def _read(services: Services, upload: Upload, analysis: Analysis, policy: Policy[Any] | None) -> None:
    """Examine an upload with the lease of this invocation, and accept or reject it."""
    request = ExaminationRequest(upload.version, analysis, number=upload.read_for)
    try:
        with _final_states(services, upload):
            examination = examine(services.s3, services.settings.work, request)
            _accept_or_reject(services, upload, examination, policy)
    except Exception:
        READING.give_up(services, upload)
        raise


def _hash(services: Services, upload: Upload, analysis: Analysis) -> None:
    """Hash an upload and accept it. Its examination is not stored: it costs as much to load as the file costs to read.

    A file of one request needs no lease: two invocations that read it at the same time do no harm, and a run has many.
    """
    reader = upload if is_one_request(upload.size) else READING.take(services, upload)
    if reader is None:
        return
    try:
        with _final_states(services, reader):
            examination = hash_upload(services.s3, ExaminationRequest(upload.version, analysis, number=upload.read_for))
            _accept_or_reject(services, reader, examination, None)
    except Exception:
        if reader.reading_since:
            READING.give_up(services, reader)
        raise


def _accept_or_reject(services: Services, upload: Upload, examination: Examination, policy: Policy[Any] | None) -> None:
    """Move a RECEIVED upload to VALIDATED or REJECTED; if other files belong to it, its policy decides.

    An upload that repeats an archived one has no attempt: its next stage removes it.
    """
    if examination.rejection:
        write_report(services, upload, examination)
        return reject(services, upload, examination.rejection, has_report=True)
    if policy and examination.is_of_reads:
        return resolve(services, upload, policy, examination)
    archived = find_archived(services, upload, examination.report["sha256"])
    twin = archived if archived and is_repeat(services, upload) else None
    duplicate_of, attempts = (twin.id, []) if twin else ("", attempts_of(examination, upload.key))
    if examination.is_of_reads:
        write_report(services, upload, examination, archived)
    facts = {**examination.facts, "duplicate_of": duplicate_of}
    if not services.ledger.move(upload, "VALIDATED", *attempts, **facts):
        return enqueue_next(services, services.ledger.require_upload(upload.id))  # another invocation was first
    return enqueue_next(services, apply_move(upload, "VALIDATED", now(), facts))
