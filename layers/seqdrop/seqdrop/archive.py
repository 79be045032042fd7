"""The cold copy: where it goes, how it is proven, what its receipt says."""

from __future__ import annotations

import base64
import posixpath

from botocore.exceptions import ClientError

from seqdrop.errors import ArchiveMismatch, ObjectGone
from seqdrop.ledger.records import Upload

STORAGE_CLASS = "DEEP_ARCHIVE"
GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}
THERE_ALREADY = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
LONGEST_KEY = 1024  # bytes of UTF-8, S3's bound
# us-east-1, as the S3 pricing page gave it in 2025; other regions differ a little.
RESTORE = {
    "bulk": {"hours_at_most": 48, "usd_per_gb": 0.0025},
    "standard": {"hours_at_most": 12, "usd_per_gb": 0.02},
}
MINIMUM_DAYS = 180


def never_over_a_copy(s3) -> None:
    """Make each CopyObject of a client succeed only where there is no object yet (S3 answers 412 or 409 otherwise).

    By the header, since the SDK that a Lambda runtime brings may be older than the parameter IfNoneMatch.
    """

    def set_header(params: dict, **_) -> None:
        params["headers"]["If-None-Match"] = "*"

    s3.meta.events.register("before-call.s3.CopyObject", set_header)


def archive_key(upload: Upload) -> str:
    """The landing key with the upload id as the last folder: two versions of one key never meet."""
    folder, name = posixpath.split(upload.key)
    return posixpath.join(folder, upload.id, name)


def copy(s3, upload: Upload, bucket: str) -> None:
    """Copy the upload's version to Deep Archive; S3 computes the SHA-256 of what it wrote.

    Nothing happens where a copy is there: with a client of `never_over_a_copy`, of two runs at once one copies. A
    second copy would be billed for 180 days. Raises ObjectGone if the version is no longer in the landing bucket.
    """
    source = {"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version_id}
    try:
        s3.copy_object(
            Bucket=bucket,
            Key=archive_key(upload),
            CopySource=source,
            StorageClass=STORAGE_CLASS,
            ChecksumAlgorithm="SHA256",
        )
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in GONE:
            raise ObjectGone(f"{upload.key} is no longer in the landing bucket") from error
        if code not in THERE_ALREADY:
            raise


def verified_copy(s3, upload: Upload, bucket: str) -> dict | None:
    """What S3 says of the copy, or None if there is none.

    Raises ArchiveMismatch unless size, class and SHA-256 are those of the bytes that were validated.
    """
    try:
        head = s3.head_object(Bucket=bucket, Key=archive_key(upload), ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["Error"]["Code"] in GONE:
            return None
        raise
    found = {
        "size": head["ContentLength"],
        "storage_class": head.get("StorageClass"),
        "sha256": base64.b64decode(head.get("ChecksumSHA256", "")).hex(),
    }
    wanted = {"size": upload.size, "storage_class": STORAGE_CLASS, "sha256": upload.sha256}
    if found != wanted:
        raise ArchiveMismatch(f"the archive copy is {found}, but the validated object was {wanted}")
    return {**found, "bucket": bucket, "key": archive_key(upload), "version_id": head.get("VersionId")}


def receipt(upload: Upload, copied: dict, now: str) -> dict:
    """The proof: checksums before and after, and what bringing the file back takes."""
    gigabytes = upload.size / 1e9
    return {
        "upload": upload.id,
        "landing": {
            "bucket": upload.bucket,
            "key": upload.key,
            "version_id": upload.version_id,
            "size": upload.size,
            "etag": upload.etag,
            "sha256": upload.sha256,
        },
        "archive": copied,
        "verified_at": now,
        "billed_at_least_days": MINIMUM_DAYS,
        "restore": {
            tier: {**terms, "usd": round(gigabytes * terms["usd_per_gb"], 6)} for tier, terms in RESTORE.items()
        },
    }
