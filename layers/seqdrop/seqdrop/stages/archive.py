"""An upload has all it came for: copy it to Deep Archive, prove it, then empty the landing key."""

from __future__ import annotations

from seqdrop import archive as cold
from seqdrop.errors import ArchiveMismatch, ObjectGone, RetryableError
from seqdrop.ledger.moves import DONE
from seqdrop.ledger.records import Upload
from seqdrop.log import logger
from seqdrop.services import Services, now
from seqdrop.stages.gate import is_held


def archive(services: Services, upload_id: str) -> None:
    """Bring a VALIDATED upload whose attempts are PREDICTED to ARCHIVED. Anything else, and what waits for its run, is
    left alone."""
    upload = services.ledger.upload(upload_id)
    if upload is None or upload.state != "VALIDATED" or not _is_due(services, upload):
        return
    try:
        copied = _copied(services, upload)
    except ObjectGone:
        services.ledger.move(upload, "WITHDRAWN", reason="deleted_before_archive")
        return
    except ArchiveMismatch as error:
        services.notify(f"Seqdrop could not verify the archive of {upload.key}", f"{upload.id}\n{error}\n")
        raise
    receipt = cold.receipt(upload, copied, now())
    services.put_json(services.settings.results, f"receipts/{upload.id}.json", receipt)
    # By version id: no delete marker is left, and no other version of the key is touched.
    services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    services.ledger.move(upload, "ARCHIVED", archive_key=copied["key"])
    logger().info("archived", extra={"upload_id": upload.id})


def _is_due(services: Services, upload: Upload) -> bool:
    attempts = services.ledger.deciding(upload)
    done = all(attempt.state in DONE for attempt in attempts)
    return done and not is_held(services.ledger, services.analyses, upload, attempts)


def _copied(services: Services, upload: Upload) -> dict:
    """The verified copy, made unless an earlier run (or one at this moment) made it.

    Raises ObjectGone only if there is neither the original nor a copy.
    """
    s3, bucket = services.s3, services.settings.archive
    found = cold.verified_copy(s3, upload, bucket)
    if found:
        return found
    try:
        cold.copy(s3, upload, bucket)
    except ObjectGone:
        # Another run may have copied, proven and removed it since we looked.
        if found := cold.verified_copy(s3, upload, bucket):
            return found
        raise
    if found := cold.verified_copy(s3, upload, bucket):
        return found
    raise RetryableError("another run is copying at this moment")
