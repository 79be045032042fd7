"""What a receipt says of a copy, from S3's own description of the object: HeadObject with ChecksumMode ENABLED."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.aws.multipart import needs_multipart

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

    from seqdrop.archive.receipt import StoredChecksum, VerifiedCopy
    from seqdrop.ledger.records import Upload

WHOLE, OF_PARTS = "FULL_OBJECT", "COMPOSITE"


def describe_copy(upload: Upload, place: tuple[str, str], head: HeadObjectOutputTypeDef) -> VerifiedCopy:
    """Return the description of a verified copy at a place: a bucket and a key."""
    bucket, key = place
    described: VerifiedCopy = {
        "size": upload.size,
        "storage_class": head["StorageClass"],
        "bucket": bucket,
        "key": key,
        "version_id": head.get("VersionId"),
        "s3_checksum": _describe_checksum(upload, head),
    }
    if needs_multipart(upload.size):
        described["sha256_of_parts"] = upload.sha256_of_parts
    else:
        described["sha256"] = upload.sha256
    _add_protection(described, head)
    return described


def _describe_checksum(upload: Upload, head: HeadObjectOutputTypeDef) -> StoredChecksum:
    """Return the checksum that S3 stores with the copy, and by which it was verified."""
    kind = head.get("ChecksumType", OF_PARTS if needs_multipart(upload.size) else WHOLE)
    return {"algorithm": "SHA256", "type": kind, "value": head["ChecksumSHA256"]}


def _add_protection(described: VerifiedCopy, head: HeadObjectOutputTypeDef) -> None:
    """Add the encryption of a copy, and its retention if it has one that this role may see."""
    if encryption := head.get("ServerSideEncryption"):
        described["encryption"] = encryption
    until = head.get("ObjectLockRetainUntilDate")
    if (mode := head.get("ObjectLockMode")) and until:
        described["retention"] = {"mode": mode, "until": until.isoformat(timespec="seconds")}
