"""Files that are sent again: recognise an upload whose key, size and SHA-256 are those of an ARCHIVED upload.

`aws s3 sync` and DataSync send every file that the landing bucket lacks, and Seqdrop empties that bucket. Without this
check each night would pay for another job and another archive copy. A person who wants both says so: the object then
has the metadata AGAIN, which `seqdrop drop --again` sets.

Validation asks before it plans an attempt, and archiving before it makes a copy, because the first upload may have been
archived in between. Only the archive function removes a duplicate, after it has looked at the copy
(stages/archive/repeated.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_missing
from seqdrop.ledger.archived_files import ArchivedFile

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload
    from seqdrop.runtime.services import Services

AGAIN = "seqdrop-again"  # user metadata: x-amz-meta-seqdrop-again
RESTORED = "seqdrop-restored"  # user metadata of a copy that a restore made: the id of the original upload


def find_twin(services: Services, upload: Upload, sha256: str | None = "") -> Upload | None:
    """Return the ARCHIVED upload that an upload repeats; None if it repeats none, or is processed again on purpose.

    `sha256` is that of the upload's bytes if its record does not have it yet.
    """
    twin = find_archived(services, upload, sha256)
    return twin if twin and is_repeat(services, upload) else None


def is_repeat(services: Services, upload: Upload) -> bool:
    """Return True if an upload whose bytes are archived need not be processed: no person asked for that.

    A copy that `seqdrop restore --run` made is processed, but it is not archived again: the archive function removes it
    as a duplicate of the original.
    """
    is_replayed = upload.read_for > 1
    return not is_replayed and not {AGAIN, RESTORED} & _read_metadata(services, upload)


def find_archived(services: Services, upload: Upload, sha256: str | None = "") -> Upload | None:
    """Return another upload of the same bytes under the same key that is ARCHIVED; None if there is none.

    This reads the ledger only. It does not check whether the upload was sent again on purpose.
    """
    if not (digest := upload.sha256 or sha256):
        return None
    file = services.ledger.archived_file(ArchivedFile.of(upload, digest))
    twin = services.ledger.find_upload(file.upload) if file.upload not in ("", upload.id) else None
    return twin if twin and twin.state == "ARCHIVED" else None


def is_sent_again(services: Services, upload: Upload) -> bool:
    """Return True if the object's metadata says that it is to be archived again although it is archived already."""
    return AGAIN in _read_metadata(services, upload)


def _read_metadata(services: Services, upload: Upload) -> set[str]:
    """Return the names in the metadata of an upload's object; none if it was deleted."""
    try:
        head = services.s3.head_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
    except ClientError as error:
        if is_missing(error):
            return set()  # it was deleted; whichever stage is next withdraws the upload
        raise
    return set(head["Metadata"])


def resolve_duplicate(services: Services, upload_id: str) -> str:
    """Return the id of the archived upload that an upload repeats; its own id if it repeats none or has no record."""
    upload = services.ledger.find_upload(upload_id) if upload_id else None
    return upload.duplicate_of if upload and upload.duplicate_of else upload_id
