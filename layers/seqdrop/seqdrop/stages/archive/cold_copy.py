"""The copy in the archive bucket: its key, how it is made, and how it is verified."""

from __future__ import annotations

import base64
import math
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from seqdrop.archive.storage_classes import CLASSES, DEEP_ARCHIVE, storage_class
from seqdrop.aws import keys, multipart
from seqdrop.aws.continued_copy import ContinuedCopy
from seqdrop.aws.continued_copy import abandon as abandon_uploads
from seqdrop.aws.errors import (
    is_archived,
    is_bad_request,
    is_conflict,
    is_ended_upload,
    is_key_refusal,
    is_missing,
)
from seqdrop.aws.readability import check_readable
from seqdrop.aws.server_copy import Source
from seqdrop.errors import ArchiveMismatchError, ObjectGoneError
from seqdrop.stages.archive.copy_description import describe_copy

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

    from seqdrop.archive.receipt import VerifiedCopy
    from seqdrop.ledger.records import Upload

LONGEST_KEY = 1024  # bytes of UTF-8, S3's limit
# Fields that CopyObject copies, but a multipart upload does not.
CARRIED = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata")


def archive_key(upload: Upload) -> str:
    """Return the archive-bucket key of an upload."""
    return keys.archived(upload.key, upload.id)


def has_all_time() -> float:
    """Return infinity: the seconds that a caller without a time limit has left."""
    return math.inf


def copy(
    s3: S3Client,
    upload: Upload,
    bucket: str,
    kept_as: str = DEEP_ARCHIVE,
    seconds_left: Callable[[], float] = has_all_time,
) -> bool:
    """Copy the upload's version, in the storage class `kept_as`. S3 computes the SHA-256 of the bytes that it writes.

    Do nothing if the copy exists: a second copy would be billed for the minimum days of its class as well. If `s3` was
    changed by `protect_existing_copies`, only one of two simultaneous invocations makes a copy. Raise ObjectGoneError
    if the version is no longer in the landing bucket, and UnreadableObjectError if S3 does not return its bytes any
    more.

    A file of more than 5 GB is copied in parts. Return False if `seconds_left` did not suffice for all of them; the
    next call then copies the others. After True the copy exists, or another invocation was completing it.
    """
    source = Source(upload.bucket, upload.key, upload.size, version_id=upload.version_id)
    key = archive_key(upload)
    try:
        if multipart.needs_multipart(upload.size):
            fields = partial(_read_carried_fields, s3, upload, kept_as)
            return ContinuedCopy(s3, source, bucket, key, fields, seconds_left).proceed()
        place: dict[str, Any] = {"StorageClass": kept_as, **source.as_parameters()}
        s3.copy_object(Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256", **place)
    except ClientError as error:
        if is_missing(error):
            raise ObjectGoneError(f"upload {upload.id} is no longer in the landing bucket") from error
        if is_archived(error) or is_key_refusal(error) or is_bad_request(error):
            check_readable(s3, upload.version)  # otherwise it was refused because of the copy, not of its source
        if not (is_conflict(error) or is_ended_upload(error)):
            raise
    return True


def abandon(s3: S3Client, upload: Upload, bucket: str) -> None:
    """Abort what was begun of the copy of an upload that will not be archived; its parts are billed until then."""
    if multipart.needs_multipart(upload.size):
        abandon_uploads(s3, bucket, archive_key(upload))


def _read_carried_fields(s3: S3Client, upload: Upload, kept_as: str) -> dict[str, Any]:
    """Return class, headers, metadata and tags of the copy, as parameters of CreateMultipartUpload."""
    bucket, key, version_id = upload.bucket, upload.key, upload.version_id
    head: dict[str, Any] = {**s3.head_object(Bucket=bucket, Key=key, VersionId=version_id)}
    tags = s3.get_object_tagging(Bucket=bucket, Key=key, VersionId=version_id)["TagSet"]
    carried = {"StorageClass": kept_as, **{name: head[name] for name in CARRIED if head.get(name)}}
    if tags:
        carried["Tagging"] = urlencode({tag["Key"]: tag["Value"] for tag in tags})
    return carried


def find_verified_copy(s3: S3Client, upload: Upload, bucket: str) -> VerifiedCopy | None:
    """Return the copy of an upload; None if there is none.

    Raise ArchiveMismatchError if its size or SHA-256 differs from the validated object's, or its storage class is not
    that of the record. Before the upload is ARCHIVED, the copy may have any class of CLASSES: analyses.toml may have
    changed since the copy was begun, and what was copied is not copied again.
    """
    head = head_copy(s3, upload, bucket)
    if head is None:
        return None
    if differences := list_differences(upload, head):
        raise ArchiveMismatchError("; ".join(differences))
    return describe_copy(upload, (bucket, archive_key(upload)), head)


def head_copy(s3: S3Client, upload: Upload, bucket: str) -> HeadObjectOutputTypeDef | None:
    """Return what S3 says of the copy of an upload, with its checksum; None if there is none."""
    try:
        return s3.head_object(Bucket=bucket, Key=archive_key(upload), ChecksumMode="ENABLED")
    except ClientError as error:
        if is_missing(error):
            return None
        raise


def list_differences(upload: Upload, head: HeadObjectOutputTypeDef) -> list[str]:
    """Return how size, storage class or SHA-256 of a copy differ from those that the upload requires."""
    proof = "sha256_of_parts" if multipart.needs_multipart(upload.size) else "sha256"
    expected: dict[str, Collection[object]] = {
        "size": [upload.size],
        "storage_class": _expect_classes(upload),
        proof: [upload.sha256_of_parts if proof == "sha256_of_parts" else upload.sha256],
    }
    actual = {
        "size": head["ContentLength"],
        "storage_class": head.get("StorageClass", "STANDARD"),  # S3 names every class but this one
        proof: _to_hexadecimal(head.get("ChecksumSHA256", "")),
    }
    return [
        f"{name} is {actual[name]}, and should be {' or '.join(map(str, values))}"
        for name, values in expected.items()
        if actual[name] not in values
    ]


def _expect_classes(upload: Upload) -> Collection[str]:
    """Return the storage classes that the copy of an upload may have."""
    return [storage_class(upload.storage_class).name] if upload.state == "ARCHIVED" else [*CLASSES]


def _to_hexadecimal(checksum: str) -> str:
    """Convert a checksum from base64. If a hyphen and the number of parts follow, they stay as they are."""
    digest, hyphen, count = checksum.partition("-")
    return f"{base64.b64decode(digest).hex()}{hyphen}{count}"
