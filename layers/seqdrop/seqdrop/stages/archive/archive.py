"""Archive an upload: copy it to Deep Archive, verify the copy, write its receipt, then delete the landing object."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.aws.s3 import exists, is_gone
from seqdrop.errors import ArchiveMismatchError, ObjectGoneError, RetryableError, UnreadableObjectError
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.runtime.services import Services, now
from seqdrop.stages.archive import cold_copy, receipt_writing, receipts
from seqdrop.stages.archive.annotations import carry_annotations
from seqdrop.stages.archive.repeated import claim_or_remove
from seqdrop.stages.outcomes import close_upload
from seqdrop.stages.routing import is_gated, may_be_archived
from seqdrop.stages.unreadable import reject_validated

if TYPE_CHECKING:
    from seqdrop.archive.receipt import VerifiedCopy
    from seqdrop.ledger.records import Upload
    from seqdrop.stages.archive.receipt_writing import Proof


def archive(services: Services, upload_id: str) -> None:
    """Move a VALIDATED upload that may be archived to ARCHIVED.

    It moves to WITHDRAWN instead if its object was deleted, to REJECTED if S3 does not copy its bytes any more, and to
    DUPLICATE, without a copy, if it repeats an ARCHIVED upload. An ARCHIVED upload gets its receipt again if that was
    lost. Uploads in other states are left alone. Raise ArchiveMismatchError if the copy differs from the validated
    object.
    """
    upload = services.ledger.find_upload(upload_id)
    if upload and upload.state == "ARCHIVED":
        return _ensure_receipt(services, upload)
    if upload is None or upload.state != "VALIDATED":
        return None
    try:
        copy = cold_copy.find_verified_copy(services.s3, upload, services.settings.archive)
        may_copy = is_due(services, upload)
        if not copy:
            _check_original(services, upload, may_copy)
        if may_copy and (copy or claim_or_remove(services, upload)):
            _complete(services, upload, copy or _make_copy(services, upload))
    except ObjectGoneError:
        _close_without_object(services, upload)
    except UnreadableObjectError as error:
        reject_validated(services, upload, error)
    except ArchiveMismatchError as error:
        _mail_mismatch(services, upload, error)
        raise


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


def _make_copy(services: Services, upload: Upload) -> VerifiedCopy:
    """Return a verified copy, made by this or by another invocation. Raise ObjectGoneError if the original is gone."""
    s3, bucket = services.s3, services.settings.archive
    try:
        cold_copy.copy(services.copier, upload, bucket)
    except ObjectGoneError:
        if copy := cold_copy.find_verified_copy(s3, upload, bucket):
            return copy
        raise
    if copy := cold_copy.find_verified_copy(s3, upload, bucket):
        return copy
    raise RetryableError("another invocation is making the copy at this moment")


def _complete(services: Services, upload: Upload, copy: VerifiedCopy) -> None:
    proof = _write_receipt(services, upload, copy)
    # By version id: no delete marker is left, and no other version of the key is touched.
    services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    _close_archived(services, upload, copy["key"], proof)


def _close_archived(services: Services, upload: Upload, archive_key: str, proof: Proof) -> bool:
    expires_at = services.ledger.compute_expiry(now())
    file = services.ledger.archived_file(ArchivedFile.of(upload)).with_upload(upload.id, expires_at)
    return close_upload(services, upload, "ARCHIVED", file, archive_key=archive_key, **proof.facts)


def _close_without_object(services: Services, upload: Upload) -> None:
    """Move an upload whose object is gone to its final state: an earlier invocation removed it, or the lab did.

    If there is a receipt, an earlier invocation archived it and then crashed, and the copy was deleted since.
    """
    if upload.removal_at:
        close_upload(services, upload, "DUPLICATE")
    elif proof := receipt_writing.find_proof(services, upload):
        _mail_missing_copy(services, replace(upload, archive_key=cold_copy.archive_key(upload)))
        _close_archived(services, upload, cold_copy.archive_key(upload), proof)
    else:
        close_upload(services, upload, "WITHDRAWN", reason="deleted_before_archive")


def _write_receipt(services: Services, upload: Upload, copy: VerifiedCopy) -> Proof:
    """Complete a copy, and write its receipt."""
    return receipt_writing.write_receipt(services, upload, carry_annotations(services.s3, upload, copy))


def _ensure_receipt(services: Services, upload: Upload) -> None:
    """Write the receipt of an archived upload again if it is missing; mail the lab if the copy is missing too."""
    if receipts.has_receipt(services, upload):
        return None
    if copy := cold_copy.find_verified_copy(services.s3, upload, services.settings.archive):
        receipt_writing.announce_rewriting(services, upload)
        proof = _write_receipt(services, upload, copy)
        services.ledger.note(upload, **proof.facts)
        return None
    return _mail_missing_copy(services, upload)


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
