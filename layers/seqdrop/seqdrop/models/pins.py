"""Pins: the check that an object still has the bytes that its pointer names, before a job uses it.

S3 stores the SHA-256 of an object that was written in one request, if the writer asked for it, as all writers of this
package do. An object of more than 5 GB is written in parts and has no such checksum, so its pointer has its ETag. Both
are in the response to a HEAD request, which reads no data.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from seqdrop.aws.errors import is_missing
from seqdrop.errors import JobRefusedError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

LARGEST_READ = 500_000_000  # bytes; an object that somebody copied by hand is read if it has no checksum
CHUNK = 1 << 20


def checksum_of(digest: str) -> str:
    """Return the SHA-256 in hexadecimal as S3's parameter ChecksumSHA256: base64."""
    return base64.b64encode(bytes.fromhex(digest)).decode()


def pin(s3: S3Client, bucket: str, key: str, digest: str, etag: str = "", largest_read: int = LARGEST_READ) -> str:
    """Return the ETag of an object whose bytes have this SHA-256; a request with this ETag gets these bytes.

    `etag` is the ETag that its pointer has, "" if it has none. Without it, an object that has no SHA-256 in S3 is read,
    if it has at most `largest_read` bytes. Raise JobRefusedError if there is no such object, if it
    has other bytes, or if neither S3 nor the pointer says which bytes it has.
    """
    from botocore.exceptions import ClientError  # not at import: `seqdrop --help` must start quickly

    try:
        head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    except ClientError as error:
        if is_missing(error):
            raise JobRefusedError(f"there is no s3://{bucket}/{key}, which its pointer names: push it again") from error
        raise
    whole = head.get("ChecksumSHA256", "")
    if whole and "-" not in whole:  # with a hyphen it is that of the parts
        is_same = whole == checksum_of(digest)
    elif etag:
        is_same = head["ETag"].strip('"') == etag
    elif head["ContentLength"] <= largest_read:
        is_same = hash_object(s3, bucket, key, head["ETag"]) == digest
    else:
        raise JobRefusedError(f"s3://{bucket}/{key} has no SHA-256 in S3, so it cannot be checked: push it again")
    if is_same:
        return head["ETag"].strip('"')
    raise JobRefusedError(
        f"s3://{bucket}/{key} does not have the SHA-256 of its pointer ({digest}), so no job may use it: find out who "
        "replaced it, and push it again"
    )


def hash_object(s3: S3Client, bucket: str, key: str, etag: str) -> str:
    """Return the SHA-256 of an object's bytes. Raise ClientError if it has another ETag by now."""
    body, digest = s3.get_object(Bucket=bucket, Key=key, IfMatch=etag)["Body"], hashlib.sha256()
    while block := body.read(CHUNK):
        digest.update(block)
    return digest.hexdigest()


def is_intact(s3: S3Client, bucket: str, key: str, digest: str, etag: str = "") -> bool:
    """Return True if `pin` accepts the object, so that a push need not write it again."""
    try:
        pin(s3, bucket, key, digest, etag)
    except JobRefusedError:
        return False
    return True
