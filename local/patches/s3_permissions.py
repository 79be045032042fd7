"""Permissions that an S3 request needs beside its own action, which ministack does not ask for.

An object under SSE-KMS needs the caller to be allowed the key, by identity policy and key policy both;
tags set or carried along need the tagging actions; and who may not list a bucket is not told that a key
is absent, but refused. All three are what a first deployment to AWS fails at.
"""

from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

from local.patches.s3_checksums import current
from local.patches.s3_copies import source
from local.patches.s3_encryption import KEY_ID, key_arn

GENERATE, DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"
READS = frozenset({"GetObject", "GetObjectVersion"})


def apply() -> None:
    """Add the checks to those that ministack makes, and judge those of a key by its key policy too."""
    additional, enforce = iam_actions.s3_additional_checks, iam_evaluator.enforce

    def all_checks(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> list:
        bucket, _, key = path.lstrip("/").partition("/")
        action = iam_actions._s3_action(method, path, query_params)
        mine = _of_object(method, action, bucket, key, headers, query_params) if key else []
        return [*additional(method, path, headers, body, query_params), *mine]

    def enforce_by_kind(access_key_id, iam_action, service, region, resource_arn="*", service_context=None):
        if service == "s3" and iam_action.startswith("kms:"):
            service, service_context = "kms", {"kms:ViaService": f"s3.{region}.amazonaws.com"}
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    iam_actions.s3_additional_checks, iam_evaluator.enforce = all_checks, enforce_by_kind


def _of_object(method: str, action: str | None, bucket: str, key: str, headers: dict, query: dict) -> list:
    if action in READS:
        record = _record(bucket, key, s3._qp(query, "versionId"))
        return _absence(bucket, record) or (_decrypt(record) if method == "GET" else [])
    if action != "PutObject":
        return []
    if "uploadId" in query:
        return _of_part(headers, s3._qp(query, "uploadId"))
    arn = f"arn:aws:s3:::{bucket}/{key}"
    tagging = [("s3:PutObjectTagging", arn)] if headers.get("x-amz-tagging") else []
    return [*tagging, *_generate(bucket, headers), *_of_source(arn, headers)]


def _of_part(headers: dict, upload_id: str) -> list:
    """Each part is encrypted under the upload's data key, which is first decrypted."""
    upload = s3._multipart_uploads.get(upload_id) or {}
    arn = upload.get("preserved_headers", {}).get(KEY_ID)
    mine = [(GENERATE, arn), (DECRYPT, arn)] if arn else []
    return [*mine, *_decrypt(_source_record(headers))]


def _of_source(arn: str, headers: dict) -> list:
    """Reading the source, and carrying its tags along unless they are replaced."""
    if "x-amz-copy-source" not in headers:
        return []
    bucket, key, version = source(headers)
    record = _source_record(headers)
    checks = _absence(bucket, record) or _decrypt(record)
    tags = s3._object_tags.get((bucket, key, version or current(bucket, key).get("version_id")))
    if tags and headers.get("x-amz-tagging-directive", "COPY") == "COPY":
        read = "s3:GetObjectVersionTagging" if version else "s3:GetObjectTagging"
        checks += [(read, f"arn:aws:s3:::{bucket}/{key}"), ("s3:PutObjectTagging", arn)]
    return checks


def _absence(bucket: str, record: dict) -> list:
    """Only who may list the bucket learns that there is no such key."""
    return [("s3:ListBucket", f"arn:aws:s3:::{bucket}")] if not record and bucket in s3._buckets else []


def _source_record(headers: dict) -> dict:
    return _record(*source(headers)) if "x-amz-copy-source" in headers else {}


def _record(bucket: str, key: str, version: str | None) -> dict:
    if not version or version == "null":
        return current(bucket, key)
    versions = s3._object_versions.get((bucket, key), [])
    return next((entry for entry in versions if entry["version_id"] == version), {})


def _decrypt(record: dict) -> list:
    arn = record.get("preserved_headers", {}).get(KEY_ID)
    return [(DECRYPT, arn)] if arn else []


def _generate(bucket: str, headers: dict) -> list:
    """The key that a write names, or else its bucket's."""
    if headers.get("x-amz-server-side-encryption"):
        named = headers.get(KEY_ID)
    else:
        named = s3._bucket_default_sse_headers(bucket).get(KEY_ID)
    return [(GENERATE, key_arn(named))] if named else []
