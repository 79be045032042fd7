"""The cold copy: where it goes, and how it is proven."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from seqdrop.aws import keys, multipart
from seqdrop.aws.errors import is_conflict, is_missing
from seqdrop.errors import ArchiveMismatchError, ObjectGoneError

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload

STORAGE_CLASS = "DEEP_ARCHIVE"
LONGEST_KEY = 1024  # bytes of UTF-8, S3's bound
AT_ONCE = 10  # parts that are copied at a time: as many as a client has connections
# What CopyObject carries along by itself, and a multipart upload does not.
CARRIED = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata")


def archive_key(upload: Upload) -> str:
    """Return the archive-bucket key of an upload."""
    return keys.archived(upload.key, upload.id)


def copy(s3, upload: Upload, bucket: str) -> None:
    """Copy the upload's version to Deep Archive; S3 computes the SHA-256 of what it wrote.

    Nothing happens where a copy is there: with a client of `protect_existing_copies`, of two runs at once one copies. A
    second copy would be billed for 180 days. Raises ObjectGoneError if the version is no longer in the landing bucket.
    """
    source = {"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version_id}
    target = {"Bucket": bucket, "Key": archive_key(upload)}
    try:
        if multipart.needs_multipart(upload.size):
            _copy_parts(s3, upload, source, target)
        else:
            s3.copy_object(**target, CopySource=source, StorageClass=STORAGE_CLASS, ChecksumAlgorithm="SHA256")
    except ClientError as error:
        if is_missing(error):
            raise ObjectGoneError(f"{upload.key} is no longer in the landing bucket") from error
        if not is_conflict(error):
            raise


def _copy_parts(s3, upload: Upload, source: dict, target: dict) -> None:
    """Copy as a multipart upload, which becomes an object only if there is none. What a crash leaves, expires."""
    head, tags = s3.head_object(**source), s3.get_object_tagging(**source)["TagSet"]
    carried = {name: head[name] for name in CARRIED if head.get(name)}
    if tags:
        carried["Tagging"] = urlencode({tag["Key"]: tag["Value"] for tag in tags})
    made = s3.create_multipart_upload(**target, **carried, StorageClass=STORAGE_CLASS, ChecksumAlgorithm="SHA256")
    place = {**target, "UploadId": made["UploadId"]}
    threads = ThreadPoolExecutor(AT_ONCE)
    try:
        copied = list(threads.map(partial(_copy_part, s3, source, place), multipart.part_ranges(upload.size)))
        s3.complete_multipart_upload(**place, MultipartUpload={"Parts": copied}, IfNoneMatch="*")
    except ClientError:
        threads.shutdown(cancel_futures=True)
        with suppress(ClientError):
            s3.abort_multipart_upload(**place)
        raise
    finally:
        threads.shutdown(cancel_futures=True)


def _copy_part(s3, source: dict, place: dict, part: tuple[int, int, int]) -> dict:
    number, first, last = part
    span = {"PartNumber": number, "CopySourceRange": f"bytes={first}-{last}"}
    result = s3.upload_part_copy(**place, **span, CopySource=source)["CopyPartResult"]
    return {"PartNumber": number, "ETag": result["ETag"], "ChecksumSHA256": result["ChecksumSHA256"]}


def verified_copy(s3, upload: Upload, bucket: str) -> dict | None:
    """What S3 says of the copy, or None if there is none.

    Raises ArchiveMismatchError unless size, class and SHA-256 are those of the bytes that were validated.
    """
    try:
        head = s3.head_object(Bucket=bucket, Key=archive_key(upload), ChecksumMode="ENABLED")
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    digest, hyphen, count = head.get("ChecksumSHA256", "").partition("-")
    found = {
        "size": head["ContentLength"],
        "storage_class": head.get("StorageClass"),
        _proof(upload): f"{base64.b64decode(digest).hex()}{hyphen}{count}",
    }
    wanted = {"size": upload.size, "storage_class": STORAGE_CLASS, _proof(upload): getattr(upload, _proof(upload))}
    if found != wanted:
        raise ArchiveMismatchError(f"the archive copy is {found}, but the validated object was {wanted}")
    return {**found, "bucket": bucket, "key": archive_key(upload), "version_id": head.get("VersionId")}


def _proof(upload: Upload) -> str:
    """Which of an upload's checksums S3 must tell of its copy."""
    return "sha256_of_parts" if multipart.needs_multipart(upload.size) else "sha256"
