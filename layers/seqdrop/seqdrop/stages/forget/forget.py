"""The second step: delete the archived copy of an upload by its version id, when its request is due.

That the deletion begins is recorded first (`forget_begun_at`), so that the request cannot be taken back while the copy
is being deleted. Then follow the deletion, the tombstone, and the move to FORGOTTEN. Each may be repeated. The tar of a
bundle is deleted when every file in it is to be forgotten, or was left out of it (stages/bundle/left_out.py).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_denied
from seqdrop.aws.s3 import exists
from seqdrop.ledger.archived_files import ArchivedFile
from seqdrop.ledger.moves import UPLOAD
from seqdrop.ledger.records import Step
from seqdrop.runs.bundle_index import read_index
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.archive.receipts import read_stored
from seqdrop.stages.bundle.left_out import read_left_out
from seqdrop.stages.file_index import index_archived
from seqdrop.stages.forget.tombstones import delete_results, write_tombstone

if TYPE_CHECKING:
    from seqdrop.archive.receipt import Receipt, VerifiedCopy
    from seqdrop.ledger.records import Upload

REFUSED = "S3 refused the deletion"


@dataclass(frozen=True)
class Member:
    """An upload that is due, with its receipt and the SHA-256 of the receipt's bytes."""

    upload: Upload
    receipt: Receipt
    receipt_sha256: str

    @property
    def copy(self) -> VerifiedCopy:
        """The copy to delete."""
        return self.receipt["archive"]


def forget(services: Services, upload_id: str) -> None:
    """Delete the archived copy of a FORGETTING upload that is due, and move it to FORGOTTEN.

    It moves back to ARCHIVED, with a mail, if S3 refuses the deletion, or its receipt does not say which version to
    delete. An upload in a bundle waits for the other files of the bundle.
    """
    upload = services.ledger.find_upload(upload_id)
    if upload is None or not _is_due(upload):
        return None
    if (member := _read_member(services, upload)) is None:
        return None
    if "bundle" in member.copy:
        return forget_bundle(services, upload.archive_key)
    if begun := _begin(services, member):
        _delete(services, [begun])
    return None


def forget_bundle(services: Services, tar: str) -> None:
    """Do the same with all uploads of the bundle that has this key in the archive bucket, if none is to be kept.

    A bundle whose files were all withdrawn while it was made has no upload, and is only deleted.
    """
    due = [upload for upload in services.ledger.in_state(UPLOAD, "FORGETTING") if upload.archive_key == tar]
    uploads = {upload.id: upload for upload in map(services.ledger.reread, due) if upload and _is_due(upload)}
    members = [member for upload in uploads.values() if (member := _read_member(services, upload))]
    if not members:
        return _delete_unneeded(services, tar)
    copy = members[0].copy
    is_there = exists(services.s3, copy["bucket"], copy["key"], copy["version_id"])
    if is_there and len(members) < _count_files(services, copy):
        logger().info("a bundle has files that are kept", extra={"upload_id": members[0].upload.id})
        return None
    begun = [begun for member in members if (begun := _begin(services, member))]
    if len(begun) == len(members) or not is_there:
        _delete(services, begun)
    else:
        _end(services, begun)
    return None


def _delete_unneeded(services: Services, tar: str) -> None:
    """Delete the tar of a bundle if all its files were left out of it: no receipt, and so no request, names it."""
    left_out = read_left_out(services, tar)
    if left_out.version_id and len(left_out.names) == _count_entries(services, keys.bundle_index(tar)):
        services.s3.delete_object(Bucket=services.settings.archive, Key=tar, VersionId=left_out.version_id)
        logger().info("a bundle without receipts deleted", extra={"files": len(left_out.names)})


def _is_due(upload: Upload) -> bool:
    return upload.state == "FORGETTING" and upload.forget_due_at <= now()


def _read_member(services: Services, upload: Upload) -> Member | None:
    """Return an upload with its receipt; None, after it moved back, if the receipt names no version of its copy."""
    stored = read_stored(services.s3, services.settings.results, keys.receipt(upload.id))
    if stored is None:
        _give_up(services, [upload], "Its receipt is missing, which says what to delete. It is written again.")
        return None
    receipt: Receipt = json.loads(stored.body)
    copy = receipt["archive"]
    is_own = (receipt["upload"], copy["bucket"]) == (upload.id, services.settings.archive)
    if not is_own or copy["key"] != upload.archive_key or not copy["version_id"]:
        _give_up(services, [upload], "Its receipt does not name the version of its copy. Verify the receipts.")
        return None
    return Member(upload, receipt, stored.sha256)


def _count_files(services: Services, copy: VerifiedCopy) -> int:
    """Return how many files of a bundle have receipts in it."""
    return _count_entries(services, copy["bundle"]["index"]) - len(read_left_out(services, copy["key"]).names)


def _count_entries(services: Services, index_key: str) -> int:
    """Return how many files a bundle has, by its index; more than any has if the index is gone: nothing is deleted."""
    index = read_stored(services.s3, services.settings.results, index_key)
    return len(read_index(index.body, index_key).entries) if index else 1 << 62


def _begin(services: Services, member: Member) -> Member | None:
    """Record that the deletion begins; return None if the upload has changed since it was read."""
    upload = member.upload
    if not upload.forget_begun_at:
        if not services.ledger.note(upload, forget_begun_at=now()):
            return None
        upload = services.ledger.require_upload(upload.id)
    return Member(upload, member.receipt, member.receipt_sha256)


def _end(services: Services, members: list[Member]) -> None:
    """Record that a deletion that began did not happen."""
    for member in members:
        services.ledger.note(member.upload, forget_begun_at="")


def _delete(services: Services, members: list[Member]) -> None:
    """Delete the version that the members share, and complete each of them."""
    if not members:
        return
    copy = members[0].copy
    try:
        services.s3.delete_object(Bucket=copy["bucket"], Key=copy["key"], VersionId=copy["version_id"] or "null")
    except ClientError as error:
        if not is_denied(error):
            raise
        uploads = [member.upload for member in members]
        _give_up(services, uploads, f"{REFUSED}{_find_lock(services, copy)}")
        return
    for member in members:
        _complete(services, member)


def _complete(services: Services, member: Member) -> None:
    upload = member.upload
    results = delete_results(services, upload) if upload.forget_results else []
    write_tombstone(services, upload, member.receipt, member.receipt_sha256, results)
    if not upload.forget_results:
        index_archived(services, upload, member.copy, "FORGOTTEN")
    file = services.ledger.archived_file(ArchivedFile.of(upload))
    is_named = file.upload == upload.id
    # Otherwise a file that is dropped again would be looked up in vain.
    shared = file.with_upload("", services.ledger.compute_expiry(now())) if is_named else None
    if services.ledger.move_together([Step(upload, "FORGOTTEN")], shared=shared):
        logger().info("forgotten", extra={"upload_id": upload.id})


def _find_lock(services: Services, copy: VerifiedCopy) -> str:
    """Return what is known of the reason: until when Object Lock keeps the version."""
    try:
        head = services.s3.head_object(Bucket=copy["bucket"], Key=copy["key"], VersionId=copy["version_id"] or "null")
    except ClientError:
        return "; the function may lack a permission"
    if head.get("ObjectLockLegalHoldStatus") == "ON":
        return ": a legal hold of Object Lock keeps the version. Remove it first."
    if until := head.get("ObjectLockRetainUntilDate"):
        return f": Object Lock keeps the version until {until.isoformat()}. Ask again after that."
    return ": it is protected by Object Lock, or the function lacks a permission."


def _give_up(services: Services, uploads: list[Upload], why: str) -> None:
    """Notify the lab that copies were not deleted, and move their uploads back to ARCHIVED."""
    first = uploads[0]
    others = f" and {len(uploads) - 1:,} others of its bundle" if len(uploads) > 1 else ""
    services.notify(
        f"Seqdrop did not forget {first.key}",
        f"The archived copy of this file was to be deleted, and was not:\n"
        f"  {first.key} (upload {first.id}){others}\n\n{why}\n\n"
        "It is ARCHIVED as before. To ask again:\n"
        f"  seqdrop forget {first.id}\n",
    )
    for upload in uploads:
        services.ledger.move(upload, "ARCHIVED")
