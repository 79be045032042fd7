"""An upload has all it came for: copy it to Deep Archive, prove it, then empty the landing key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.aws.s3 import is_gone
from seqdrop.errors import ArchiveMismatchError, ObjectGoneError, RetryableError
from seqdrop.runtime.services import Services, now
from seqdrop.stages.archive import cold_copy, receipts
from seqdrop.stages.outcomes import end_upload
from seqdrop.stages.routing import is_gated, may_be_archived

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload


def archive(services: Services, upload_id: str) -> None:
    """Bring a VALIDATED upload that has all it came for, or was released, to ARCHIVED; or to WITHDRAWN if its object
    was deleted.

    One that is ARCHIVED gets its receipt again if that was lost. Anything else is left alone.
    """
    upload = services.ledger.find_upload(upload_id)
    if upload and upload.state == "ARCHIVED":
        return _see_to_receipt(services, upload)
    if upload is None or upload.state != "VALIDATED":
        return None
    try:
        copied = _present_copy(services, upload)
        if is_due(services, upload):
            _end(services, upload, copied or _copied(services, upload))
    except ObjectGoneError:
        end_upload(services, upload, "WITHDRAWN", reason="deleted_before_archive")
    except ArchiveMismatchError as error:
        services.notify(f"Seqdrop could not verify the archive of {upload.key}", f"{upload.id}\n{error}\n")
        raise


def is_due(services: Services, upload: Upload) -> bool:
    """Whether an upload has all it came for, or was released; and its run is complete, where it waits for that."""
    attempts = services.ledger.deciding_attempts(upload)
    return may_be_archived(upload, attempts) and not is_gated(services.ledger, services.analyses, upload, attempts)


def _present_copy(services: Services, upload: Upload) -> dict | None:
    """The verified copy, if there is one. Raises ObjectGoneError if there is neither that nor the original."""
    s3, bucket = services.s3, services.settings.archive
    if found := cold_copy.verified_copy(s3, upload, bucket):
        return found
    if not is_gone(services.s3, upload):
        return None
    # Another run may have copied, proven and removed it since we looked.
    if found := cold_copy.verified_copy(s3, upload, bucket):
        return found
    raise ObjectGoneError(f"{upload.key} is no longer in the landing bucket")


def _copied(services: Services, upload: Upload) -> dict:
    """A verified copy, by this run or one at this moment. Raises ObjectGoneError as above."""
    s3, bucket = services.s3, services.settings.archive
    try:
        cold_copy.copy(s3, upload, bucket)
    except ObjectGoneError:
        if found := cold_copy.verified_copy(s3, upload, bucket):
            return found
        raise
    if found := cold_copy.verified_copy(s3, upload, bucket):
        return found
    raise RetryableError("another run is copying at this moment")


def _end(services: Services, upload: Upload, copied: dict) -> None:
    _write_receipt(services, upload, copied)
    # By version id: no delete marker is left, and no other version of the key is touched.
    services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    end_upload(services, upload, "ARCHIVED", archive_key=copied["key"])


def _write_receipt(services: Services, upload: Upload, copied: dict) -> None:
    receipt = receipts.make_receipt(upload, copied, now())
    services.put_json(services.settings.results, keys.receipt(upload.id), receipt)


def _see_to_receipt(services: Services, upload: Upload) -> None:
    if receipts.has_receipt(services, upload):
        return None
    if copied := cold_copy.verified_copy(services.s3, upload, services.settings.archive):
        return _write_receipt(services, upload, copied)
    services.notify(
        f"Seqdrop: the archived copy of {upload.key} is gone",
        f"{upload.id}: neither s3://{services.settings.archive}/{upload.archive_key} nor its receipt is there.\n"
        "Seqdrop has removed neither. Versions of the archive bucket may still hold them.\n",
    )
    return None
