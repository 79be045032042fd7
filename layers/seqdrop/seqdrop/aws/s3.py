"""S3 helpers: whether an object exists, and copies that never replace an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.uploads import ObjectVersion


def is_gone(s3: S3Client, upload: ObjectVersion) -> bool:
    """Return True if the upload was deleted: its version, or its key by a delete marker, which keeps the version.

    A version that a newer one replaced is not gone: each version is an upload of its own.
    """
    return not exists(s3, upload.bucket, upload.key, upload.version_id) or not exists(s3, upload.bucket, upload.key)


def exists(s3: S3Client, bucket: str, key: str, version_id: str | None = None) -> bool:
    """Return True if the object, or this version of it, exists and is not hidden by a delete marker."""
    try:
        if version_id:
            s3.head_object(Bucket=bucket, Key=key, VersionId=version_id)
        else:
            s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def protect_existing_copies(s3: S3Client) -> None:
    """Make each CopyObject of a client succeed only if the target does not exist (S3 returns 412 or 409 otherwise).

    This sets the header, since the SDK of a Lambda runtime may be older than the parameter IfNoneMatch.
    """

    def set_header(params: dict[str, Any], **_: object) -> None:
        params["headers"]["If-None-Match"] = "*"

    s3.meta.events.register("before-call.s3.CopyObject", set_header)
