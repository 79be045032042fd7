"""Before a copy is made: claim the file, or remove an upload that repeats an archived one.

The claim is the record of ledger/archived_files.py. It is written before the copy, so that of two uploads with equal
bytes only one is copied, even if both become due at the same moment. A claim is respected while its upload is ARCHIVED
with a copy that is kept, or is about to be; otherwise the next upload takes it over.

The removal of a duplicate is recorded before the object is deleted (`removal_at`). After a crash a missing object is
therefore not taken for one that the lab deleted. The members of a set are removed one after another. If the copy of one
is missing before the removal of any has begun, all are read again as new files; afterwards that one is archived itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.s3 import is_gone
from seqdrop.errors import ObjectGoneError, RetryableError
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.records import Step
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.archive.kept_copy import is_kept
from seqdrop.stages.duplicates import is_sent_again
from seqdrop.stages.file_index import index_repeated
from seqdrop.stages.outcomes import close_upload
from seqdrop.stages.routing import is_gated, may_be_archived

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload

MAX_TRIES = 10  # a try fails only if another invocation succeeded


def claim_or_remove(services: Services, upload: Upload) -> bool:
    """Return True if an upload that is due, and has no copy, is to be copied now.

    Otherwise it repeats an archived upload and was removed; or it did, the copy is gone, and it is read again as a new
    file; or another upload of the same bytes is about to be copied, and the reconciler sends the message again. Raise
    RetryableError if other invocations were first in each of MAX_TRIES tries, and ObjectGoneError if it was deleted and
    would be removed or read again.
    """
    for _ in range(MAX_TRIES):
        file = services.ledger.archived_file(ArchivedFile.of(upload))
        holder = services.ledger.find_upload(file.upload) if file.upload else None
        if file.upload == upload.id or (holder and is_sent_again(services, upload)):
            return True
        if holder and holder.state == "ARCHIVED" and is_kept(services, holder):
            _check_there(services, upload)
            _remove(services, upload, holder)
            return False
        if holder and _is_about_to_be_copied(services, holder):
            logger().info("another upload of the same file is being archived", extra={"upload_id": upload.id})
            return False
        if _is_unprocessed(services, upload):
            _check_there(services, upload)
            if _read_again(services, upload, file):
                return False
        elif services.ledger.save(file.with_upload(upload.id)):
            return True
    raise RetryableError(f"other invocations kept claiming the file of upload {upload.id}")


def _check_there(services: Services, upload: Upload) -> None:
    """Raise ObjectGoneError if an upload was deleted: it is then withdrawn, and no duplicate."""
    if is_gone(services.s3, upload):
        raise ObjectGoneError(f"upload {upload.id} is no longer in the landing bucket")


def _remove(services: Services, upload: Upload, twin: Upload) -> None:
    """Delete the landing object of an upload that repeats `twin`, and move the upload to DUPLICATE."""
    if not services.ledger.note(upload, duplicate_of=twin.id, removal_at=now()):
        return  # another invocation was first
    upload = services.ledger.require_upload(upload.id)
    index_repeated(services, upload)
    # By version id: no delete marker is left, and no other version of the key is touched.
    services.s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    close_upload(services, upload, "DUPLICATE")


def _is_about_to_be_copied(services: Services, holder: Upload) -> bool:
    """Return True if the upload that claimed a file is due, so that its copy may be in progress."""
    attempts = services.ledger.deciding_attempts(holder) if holder.state == "VALIDATED" else []
    is_due = holder.state == "VALIDATED" and may_be_archived(holder, attempts)
    return is_due and not is_gated(services.ledger, services.analyses, holder, attempts)


def _is_unprocessed(services: Services, upload: Upload) -> bool:
    """Return True if an upload was not processed because it seemed to repeat another, and can still be processed.

    It can not if a member of its set is being removed, or has been.
    """
    if not upload.duplicate_of or services.ledger.attempts(upload.id):
        return False
    members = _list_set(services, upload)
    whole = len(members) == 1 + len(upload.duplicates_with)  # the record of a removed duplicate expires
    return whole and all(member.state == "VALIDATED" and not member.removal_at for member in members)


def _list_set(services: Services, upload: Upload) -> list[Upload]:
    """Return an upload and the members of its set that still have records."""
    others = map(services.ledger.find_upload, upload.duplicates_with)
    return [upload, *filter(None, others)]


def _read_again(services: Services, upload: Upload, file: ArchivedFile) -> bool:
    """Move an upload, and the members of its set, back to RECEIVED; return False if another invocation was first.

    The record of the file loses its upload in the same transaction, so that validation does not name it again.
    """
    members = _list_set(services, upload)
    steps = [Step(member, "RECEIVED", {"duplicate_of": "", "duplicates_with": []}) for member in members]
    if not services.ledger.move_together(steps, shared=file.with_upload("")):
        return False
    for member in members:
        services.send(services.settings.validate_queue, make_landed_message(member.version))
    return True
