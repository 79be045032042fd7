"""Archive an upload: copy it to the archive bucket, verify the copy, write its receipt, delete the landing object."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.archive.storage_classes import DEEP_ARCHIVE
from seqdrop.aws.multipart import needs_multipart
from seqdrop.aws.s3 import exists, is_gone
from seqdrop.errors import ArchiveMismatchError, ObjectGoneError, RetryableError, UnreadableObjectError
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.stages.archive import cold_copy, receipt_writing, receipts
from seqdrop.stages.archive.annotations import carry_annotations
from seqdrop.stages.archive.bundled_copy import find_bundled_copy, head_bundle, is_bundled
from seqdrop.stages.archive.cold_copy import has_all_time
from seqdrop.stages.archive.kept_landing import compute_expiry, keep_until, remember, remove_if_due
from seqdrop.stages.archive.refusals import notify_once, report
from seqdrop.stages.archive.repeated import claim_or_remove
from seqdrop.stages.bundle.eligibility import may_be_bundled, request_gathering, run_of
from seqdrop.stages.file_index import index_archived
from seqdrop.stages.file_pages import refresh_page
from seqdrop.stages.lease import COPYING
from seqdrop.stages.outcomes import close_upload
from seqdrop.stages.routing import is_gated, may_be_archived
from seqdrop.stages.unreadable import reject_validated

if TYPE_CHECKING:
    from collections.abc import Callable

    from seqdrop.archive.receipt import VerifiedCopy
    from seqdrop.ledger.records import Fact, Upload
    from seqdrop.runtime.services import Services
    from seqdrop.stages.archive.receipt_writing import Proof


def archive(services: Services, upload_id: str, seconds_left: Callable[[], float] = has_all_time) -> None:
    """Move a VALIDATED upload that may be archived to ARCHIVED.

    It moves to WITHDRAWN instead if its object was deleted, to REJECTED if S3 does not copy its bytes any more, and to
    DUPLICATE, without a copy, if it repeats an ARCHIVED upload. An ARCHIVED upload gets its receipt again if that was
    lost. An upload that waits for a bundle has its run bundled. Uploads in other states are left alone. A copy in parts
    for which `seconds_left` does not suffice is continued with the next message, which is sent. Raise
    ArchiveMismatchError if the copy differs from the validated object.
    """
    upload = services.ledger.find_upload(upload_id)
    if upload is None or upload.state not in ("ARCHIVED", "VALIDATED"):
        return
    try:
        if upload.state == "ARCHIVED":
            _ensure_receipt(services, upload)
            remove_if_due(services, upload)
        else:
            _archive_validated(services, upload, seconds_left)
        refresh_page(services, upload)
    except ClientError as error:
        raise report(services, upload, error) from error


def _archive_validated(services: Services, upload: Upload, seconds_left: Callable[[], float]) -> None:
    """Copy, verify and close a VALIDATED upload if it is due; close it if its object is gone or unreadable."""
    try:
        if may_be_bundled(services.analyses, upload):
            return _leave_to_bundle(services, upload)
        copy = cold_copy.find_verified_copy(services.s3, upload, services.settings.archive)
        may_copy = is_due(services, upload)
        if not copy:
            _check_original(services, upload, may_copy)
        if may_copy and (copy or claim_or_remove(services, upload)):
            _complete_if_copied(services, upload, copy or _make_copy(services, upload, seconds_left))
    except ObjectGoneError:
        _close_without_object(services, upload)
    except UnreadableObjectError as error:
        cold_copy.abandon(services.s3, upload, services.settings.archive)
        reject_validated(services, upload, error)
    except ArchiveMismatchError as error:
        notify_once(services, upload, "mismatch", partial(_mail_mismatch, services, upload, error))
        raise


def _leave_to_bundle(services: Services, upload: Upload) -> None:
    """Have the run of an upload bundled if it is complete. Raise ObjectGoneError if the upload was deleted.

    While bundles of the run are being made, it may have been deleted because it is archived.
    """
    run = run_of(services.analyses, upload)
    if not services.ledger.run_bundles(run).plans and is_gone(services.s3, upload):
        raise ObjectGoneError(f"upload {upload.id} is no longer in the landing bucket")
    if is_due(services, upload):
        request_gathering(services, run)


def is_due(services: Services, upload: Upload) -> bool:
    """Return True if an upload may be archived and does not wait for its run."""
    attempts = services.ledger.deciding_attempts(upload)
    return may_be_archived(upload, attempts) and not is_gated(services.ledger, services.analyses, upload, attempts)


def _check_original(services: Services, upload: Upload, may_copy: bool) -> None:
    """Raise ObjectGoneError if an upload without a copy was deleted, or is hidden by a delete marker.

    If it may be copied, only its key is looked for: the request for the copy says whether its version is there.
    """
    is_there = exists(services.s3, upload.bucket, upload.key) if may_copy else not is_gone(services.s3, upload)
    # Another invocation may have copied, verified and deleted it after the first look.
    if is_there or cold_copy.find_verified_copy(services.s3, upload, services.settings.archive):
        return
    raise ObjectGoneError(f"upload {upload.id} is no longer in the landing bucket")


def _make_copy(services: Services, upload: Upload, seconds_left: Callable[[], float]) -> VerifiedCopy | None:
    """Return a verified copy, made by this or by another invocation; None if it will be complete later.

    Raise ObjectGoneError if the original is gone.
    """
    s3, bucket = services.s3, services.settings.archive
    try:
        if not _copy(services, upload, seconds_left):
            return None
    except ObjectGoneError:
        if copy := cold_copy.find_verified_copy(s3, upload, bucket):
            return copy
        raise
    if copy := cold_copy.find_verified_copy(s3, upload, bucket):
        return copy
    raise RetryableError("another invocation is making the copy at this moment")


def _copy(services: Services, upload: Upload, seconds_left: Callable[[], float]) -> bool:
    """Copy an upload; return False if its copy is not complete, and another message continues it."""
    kept_as = services.analyses.storage_class_of(upload.key)
    copying = partial(cold_copy.copy, services.copier, bucket=services.settings.archive, kept_as=kept_as)
    if not needs_multipart(upload.size):
        return copying(upload)
    leased = COPYING.take(services, upload)
    if leased is None:
        return False
    try:
        is_complete = copying(leased, seconds_left=seconds_left)
    finally:
        COPYING.give_up(services, leased)
    if not is_complete:  # not a failure: a new message, because SQS counts how often it delivers one
        services.send(services.settings.archive_queue, {"upload": upload.id})
    return is_complete


def _complete_if_copied(services: Services, upload: Upload, copy: VerifiedCopy | None) -> None:
    """Complete the archive of an upload whose copy is verified. A copy in parts has changed its record."""
    if copy and needs_multipart(upload.size):
        upload = services.ledger.require_upload(upload.id)
    if copy and upload.state == "VALIDATED":
        _complete(services, upload, copy)


def _complete(services: Services, upload: Upload, copy: VerifiedCopy) -> None:
    kept_until = keep_until(services, upload)
    proof = _write_receipt(services, replace(upload, kept_until=kept_until), copy)
    if not kept_until:
        # By version id: no delete marker is left, and no other version of the key is touched.
        services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    _close_archived(services, upload, copy, proof, kept_until)


def _close_archived(services: Services, upload: Upload, copy: VerifiedCopy, proof: Proof, kept_until: str = "") -> bool:
    """Move an upload to ARCHIVED, with the records of its file and, if its landing version stays, of that."""
    expires_at = compute_expiry(services, kept_until)
    file = services.ledger.archived_file(ArchivedFile.of(upload)).with_upload(upload.id, expires_at)
    kept = remember(services, upload.id, kept_until) if kept_until else None
    facts: dict[str, Fact] = {
        "archive_key": copy["key"],
        "storage_class": copy.get("storage_class", DEEP_ARCHIVE),
        **proof.facts,
    }
    if kept_until:
        facts |= {"kept_until": kept_until, "expires_at": expires_at}
    return close_upload(services, upload, "ARCHIVED", file, kept, **facts)


def _close_without_object(services: Services, upload: Upload) -> None:
    """Move an upload whose object is gone to its final state: an earlier invocation removed it, or the lab did.

    If there is a receipt, an earlier invocation archived it and then crashed, and the copy was deleted since, unless it
    is in a bundle.
    """
    if upload.removal_at:
        close_upload(services, upload, "DUPLICATE")
    elif receipt := receipt_writing.find_receipt(services, upload):
        copy, proof = receipt
        archived = replace(upload, archive_key=copy["key"])
        if not (is_bundled(archived) and head_bundle(services, archived.archive_key)):
            _mail_missing_copy(services, archived)
        _close_archived(services, upload, copy, proof)
    else:
        cold_copy.abandon(services.s3, upload, services.settings.archive)
        close_upload(services, upload, "WITHDRAWN", reason="deleted_before_archive")


def _write_receipt(services: Services, upload: Upload, copy: VerifiedCopy) -> Proof:
    """Complete a copy, and write its receipt and its entry in the index of file names."""
    complete = carry_annotations(services.s3, upload, copy)
    proof = receipt_writing.write_receipt(services, upload, complete)
    index_archived(services, upload, complete)
    return proof


def _ensure_receipt(services: Services, upload: Upload) -> None:
    """Write the receipt of an archived upload again if it is missing; mail the lab if the copy is missing too."""
    if receipts.has_receipt(services, upload):
        return None
    if copy := _find_copy(services, upload):
        receipt_writing.announce_rewriting(services, upload)
        proof = _write_receipt(services, upload, copy)
        services.ledger.note(upload, **proof.facts)
        return None
    return _mail_missing_copy(services, upload)


def _find_copy(services: Services, upload: Upload) -> VerifiedCopy | None:
    if is_bundled(upload):
        return find_bundled_copy(services, upload)
    return cold_copy.find_verified_copy(services.s3, upload, services.settings.archive)


def _mail_mismatch(services: Services, upload: Upload, error: ArchiveMismatchError) -> None:
    bucket, key = services.settings.archive, cold_copy.archive_key(upload)
    services.notify(
        f"Seqdrop could not verify the archive of {upload.key}",
        f"The copy of this file in the archive bucket differs from the object that was validated:\n"
        f"  {upload.key} (upload {upload.id})\n\nDifference: {error}\n\n"
        "The original was left in the landing bucket, and no receipt was written. To see the size and checksum of the "
        "copy:\n"
        f"  aws s3api head-object --bucket {bucket} --key {shlex.quote(key)} --checksum-mode ENABLED\n",
    )


def _mail_missing_copy(services: Services, upload: Upload) -> None:
    bucket, key = services.settings.archive, shlex.quote(upload.archive_key)
    services.notify(
        f"Seqdrop: the archived copy of {upload.key} is gone",
        f"The archived copy of this file is missing:\n"
        f"  {upload.key} (upload {upload.id})\n  s3://{bucket}/{upload.archive_key}\n\n"
        "Seqdrop deleted neither. The archive bucket may still hold earlier versions; to list them:\n"
        f"  aws s3api list-object-versions --bucket {bucket} --prefix {key}\n",
    )
