"""S3, as all of this package uses it: whether an object is there, and copies that never replace one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_missing

if TYPE_CHECKING:
    from seqdrop.uploads import ObjectVersion


def is_gone(s3, upload: ObjectVersion) -> bool:
    """Return True if the upload was deleted: its very version, or its key by a delete marker, which leaves the version.

    A version that a newer one replaced is not gone: each is an upload of its own.
    """
    return not exists(s3, upload.bucket, upload.key, upload.version_id) or not exists(s3, upload.bucket, upload.key)


def exists(s3, bucket: str, key: str, version_id: str | None = None) -> bool:
    """Return True if the object, or this version of it, is there and no delete marker lies over it."""
    version = {"VersionId": version_id} if version_id else {}
    try:
        s3.head_object(Bucket=bucket, Key=key, **version)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def protect_existing_copies(s3) -> None:
    """Make each CopyObject of a client succeed only where there is no object yet (S3 answers 412 or 409 otherwise).

    By the header, since the SDK that a Lambda runtime brings may be older than the parameter IfNoneMatch.
    """

    def set_header(params: dict, **_) -> None:
        params["headers"]["If-None-Match"] = "*"

    s3.meta.events.register("before-call.s3.CopyObject", set_header)
