"""Encryption in the responses of writes: the ARN of the key, and whether a bucket key is used.

S3 returns the ARN of the key, however the bucket's configuration names it. Receipts and audits compare with that ARN.
"""

from defusedxml.ElementTree import fromstring
from ministack.services import kms, s3

KEY_ID = "x-amz-server-side-encryption-aws-kms-key-id"
BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"


def apply() -> None:
    """Complete the encryption headers of writes, whether they come from the bucket or from the request."""
    of_bucket, of_write = s3._bucket_default_sse_headers, s3._resolve_sse_write_headers

    def default_headers(bucket_name: str) -> dict:
        headers = of_bucket(bucket_name)
        if _uses_bucket_key(bucket_name) and KEY_ID in headers:
            headers[BUCKET_KEY] = "true"
        return headers

    def write_headers(headers: dict, bucket_name: str) -> tuple:
        resolved, error = of_write(headers, bucket_name)
        if resolved and KEY_ID in resolved:
            resolved[KEY_ID] = resolve_key_arn(resolved[KEY_ID])
        return resolved, error

    s3._bucket_default_sse_headers, s3._resolve_sse_write_headers = default_headers, write_headers
    s3._SSE_STORED_HEADERS = (*s3._SSE_STORED_HEADERS, BUCKET_KEY)


def resolve_key_arn(key: str) -> str:
    """Return the ARN of the key with this id, alias or ARN; an unknown key is returned unchanged."""
    record = kms._resolve_key(key)
    return record["Arn"] if record else key


def _uses_bucket_key(bucket: str) -> bool:
    configuration = s3._bucket_encryption.get(bucket)
    if not configuration:
        return False
    return any(
        element.tag.rpartition("}")[2] == "BucketKeyEnabled" and element.text == "true"
        for element in fromstring(configuration).iter()
    )
