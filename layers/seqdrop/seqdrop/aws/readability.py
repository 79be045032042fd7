"""Whether S3 returns the bytes of an object version, and the reason if it does not.

Three properties of an object make its bytes unreadable although it exists: an archive class or tier, a KMS key that
the caller may not use, and a key that S3 does not store (SSE-C). No retry helps with them. A missing permission of the
caller looks like the second, so a HEAD request distinguishes the two: it needs the same permission of S3 as a GET, but
no KMS key.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_archived, is_bad_request, is_conflict, is_key_refusal, is_missing
from seqdrop.errors import Fault, ObjectGoneError, UnreadableObjectError

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef, HeadObjectOutputTypeDef

    from seqdrop.uploads import UploadVersion

COPY = "aws s3 cp s3://BUCKET/KEY s3://BUCKET/KEY"
ARCHIVED = Fault(
    "archived_class",
    "the object is in an archive storage class or tier of S3, from which it cannot be read",
    "Upload it again in the class STANDARD. Or restore it, and then copy it onto itself, which makes a new version: "
    f"`{COPY} --storage-class STANDARD --force-glacier-transfer`.",
)
CUSTOMER_KEY = Fault(
    "customer_key",
    "the object is encrypted with a key that S3 does not store (SSE-C)",
    "Upload it again without a key of your own: the bucket encrypts it.",
)
OTHER_KEY = Fault(
    "other_kms_key",
    "the object is encrypted under a KMS key that may not be used here",
    "Upload it again without naming a key: the bucket encrypts it under its own. Who may use the key can also copy the "
    f"object onto itself with `{COPY} --sse aws:kms --sse-kms-key-id` and the ARN of the bucket's key.",
)


def check_readable(s3: S3Client, version: UploadVersion) -> None:
    """Read the first byte of an object version.

    Raise ObjectGoneError if it was deleted, and UnreadableObjectError if S3 does not return its bytes.
    """
    request: GetObjectRequestTypeDef = {"Bucket": version.bucket, "Key": version.key}
    if version.version_id:
        request["VersionId"] = version.version_id
    if version.size:
        request["Range"] = "bytes=0-0"
    try:
        with closing(s3.get_object(**request)["Body"]) as body:
            body.read()
    except ClientError as error:
        raise explain(s3, version, error) from error


def explain(s3: S3Client, version: UploadVersion, error: ClientError) -> Exception:
    """Return ObjectGoneError or UnreadableObjectError if that is the meaning of GetObject's error.

    Otherwise return the error itself.
    """
    if is_missing(error):
        return ObjectGoneError("the object was deleted before it was read")
    if is_conflict(error):
        return ObjectGoneError("the object was replaced before it was read")
    if is_archived(error):
        return UnreadableObjectError(ARCHIVED, version.id)
    if is_key_refusal(error) or is_bad_request(error):
        return _explain_encryption(s3, version) or error
    return error


def _explain_encryption(s3: S3Client, version: UploadVersion) -> UnreadableObjectError | None:
    """Return the error of an object whose key may not be used; None if encryption is not the reason."""
    try:
        head = _head(s3, version)
    except ClientError as error:
        return UnreadableObjectError(CUSTOMER_KEY, version.id) if is_bad_request(error) else None
    key = head.get("SSEKMSKeyId", "")
    return UnreadableObjectError(OTHER_KEY, version.id, key) if key else None


def _head(s3: S3Client, version: UploadVersion) -> HeadObjectOutputTypeDef:
    if version.version_id:
        return s3.head_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)
    return s3.head_object(Bucket=version.bucket, Key=version.key)
