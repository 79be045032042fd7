"""S3 helpers: checks whether an object exists, and copies that never replace an object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_missing

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

    from seqdrop.uploads import ObjectVersion


def is_gone(s3: S3Client, upload: ObjectVersion) -> bool:
    """Return True if the version of the upload was deleted, or if a delete marker hides its key.

    A version with a newer one above it is not gone: each version is an upload of its own.
    """
    return not exists(s3, upload.bucket, upload.key, upload.version_id) or not exists(s3, upload.bucket, upload.key)


def find_current_version(s3: S3Client, bucket: str, key: str) -> str:
    """Return the id of the current version of a key, "null" in a bucket without versions; "" if there is none."""
    try:
        return s3.head_object(Bucket=bucket, Key=key).get("VersionId", "null")
    except ClientError as error:
        if is_missing(error):
            return ""
        raise


def exists(s3: S3Client, bucket: str, key: str, version_id: str | None = None) -> bool:
    """Return True if the object exists and no delete marker hides it; with `version_id`, if that version exists."""
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
    """Make each CopyObject call of a client fail with 412 or 409 if the target exists.

    This sets the header itself, because the SDK of a Lambda runtime may be too old for the parameter IfNoneMatch.
    """

    def set_header(params: dict[str, Any], **_: object) -> None:
        params["headers"]["If-None-Match"] = "*"

    s3.meta.events.register("before-call.s3.CopyObject", set_header)
