"""An object landed: read it once, and accept it with its work items or reject it with its reason.

What follows from an examination: an upload is accepted with its attempt, or rejected with its reason.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_missing
from seqdrop.errors import Fault, InvalidFileError, ObjectGoneError
from seqdrop.kinds.plans import attempts_of
from seqdrop.ledger.records import Upload
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.stages.archive.cold_copy import LONGEST_KEY, archive_key
from seqdrop.stages.assemble.engine import OPEN, resolve
from seqdrop.stages.assemble.policies import notify_landed, policy_of
from seqdrop.stages.notifications import reject, report
from seqdrop.stages.routing import enqueue_next
from seqdrop.stages.start_processing.processing_job import examine_in_job
from seqdrop.stages.validate.run_gate import look_after
from seqdrop.work.examination import Examination, load, rejection
from seqdrop.work.examine import ExaminationRequest, examine

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analysis
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.policy import Policy
    from seqdrop.uploads import UploadVersion


def validate(services: Services, version: UploadVersion) -> None:
    """Bring an upload from its landing to VALIDATED, REJECTED or WITHDRAWN, or to WAITING for what belongs to it.

    A marker of a run opens it. One that is VALIDATED is sent on, or looked after while it waits for its run.
    """
    if version.is_folder_marker:
        return None
    version = _identified(services, version)
    analysis = services.analyses.for_key(version.key)
    upload = _received(services, version, analysis)
    notify_landed(services, upload)
    if upload.state == "VALIDATED":
        return look_after(services, upload)
    if upload.state not in OPEN:
        return enqueue_next(services, upload)  # the message came again; the next one may have been lost
    try:
        _resolve(services, upload, analysis)
    except InvalidFileError as error:
        reject(services, upload, rejection(error))
    except ObjectGoneError as error:
        services.ledger.move(upload, "WITHDRAWN", reason="deleted_before_validation")
        logger().info(str(error), extra={"upload_id": upload.id})


def _resolve(services: Services, upload: Upload, analysis: Analysis | None) -> None:
    """Decide about a RECEIVED upload, alone or with the files that belong to it, or about one that waits for those.

    Raise InvalidFileError, ObjectGoneError.
    """
    policy = policy_of(services.analyses, upload)
    if upload.state == "RECEIVED":
        _check_place(services, upload, analysis)
    elif policy is None:
        return _read_anew(services, upload)
    if policy and (upload.state == "WAITING" or not policy.after_examination):
        return resolve(services, upload, policy)
    if found := _examined(services, upload, analysis):
        _accept_or_reject(services, upload, found, policy)
    return None


def _read_anew(services: Services, upload: Upload) -> None:
    """Have an upload read by what its prefix means now: it waits, and belongs to no set any more."""
    if services.ledger.move(upload, "RECEIVED"):
        services.send(services.settings.validate_queue, make_landed_message(upload.version))


def _identified(services: Services, version: UploadVersion) -> UploadVersion:
    """An event may lack the version id, even of a versioned bucket; then S3 is asked for the present one."""
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


def _received(services: Services, version: UploadVersion, analysis: Analysis | None) -> Upload:
    name, prefix = (analysis.name, analysis.prefix) if analysis else ("", "")
    services.ledger.create(Upload.from_version(version, name, prefix))
    return services.ledger.find_upload(version.id)


def _check_place(services: Services, upload: Upload, analysis: Analysis | None) -> None:
    """Whether the key and the size are such that the file is read at all."""
    if analysis is None:
        prefixes = ", ".join(services.analyses.prefixes)
        advice = f"Drop it again under one of: {prefixes}. analyses.toml says what each means."
        raise InvalidFileError(Fault("no_analysis", "the key is under no prefix that Seqdrop knows", advice))
    if len(archive_key(upload).encode()) > LONGEST_KEY:
        advice = "Give the file or its folders shorter names: its archive key is 27 bytes longer, and S3 allows 1024."
        raise InvalidFileError(Fault("key_too_long", "the key is too long to be archived", advice))
    if upload.size > analysis.max_bytes:
        advice = "Split the file (by lane, or `seqkit split2`) and drop the parts, or raise max_gb in analyses.toml."
        limit = f"{upload.size / 1e9:.2f} GB, and {analysis.prefix} takes {analysis.max_gb:g} GB at the most"
        raise InvalidFileError(Fault("too_large", f"the file has {limit}", advice))


def _examined(services: Services, upload: Upload, analysis: Analysis) -> Examination | None:
    """What the pass over the file found: of an earlier run, if that came to its end, or of this one.

    None of a file too large for a Lambda: a job examines it, and its end brings the upload here again.
    """
    s3, work, number = services.s3, services.settings.work, upload.read_for
    found = load(s3, work, upload.id, number)
    if found is None and services.analyses.needs_job(upload.size):
        return examine_in_job(services, upload, analysis)
    return found or examine(s3, work, ExaminationRequest(upload.version, analysis, number=number))


def _accept_or_reject(services: Services, upload: Upload, examination: Examination, policy: Policy | None) -> None:
    """Bring a RECEIVED upload to VALIDATED or REJECTED; if others belong to it, that is for its policy to decide."""
    if examination.rejection:
        report(services, upload, examination)
        return reject(services, upload, examination.rejection, read=True)
    if policy:
        return resolve(services, upload, policy, examination)
    report(services, upload, examination)
    services.ledger.move(upload, "VALIDATED", *attempts_of(examination), **examination.facts)
    enqueue_next(services, services.ledger.find_upload(upload.id))
    return None
