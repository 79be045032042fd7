"""Permissions that an S3 request needs besides its own action and that ministack does not check.

For an object under SSE-KMS, the identity policy and the key policy must both allow the key's actions. Tags that are
set or copied need the tagging actions, and annotations that are copied need theirs. A caller that may not list a bucket
gets a 403 for an absent key instead of a 404. A first deployment to AWS often fails at one of these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ministack.core import iam_actions, iam_evaluator
from ministack.services import s3

from local.patches.s3_checksums import find_object
from local.patches.s3_copies import parse_copy_source
from local.patches.s3_encryption import KEY_ID, resolve_key_arn

if TYPE_CHECKING:
    from ministack.core.iam_evaluator import AuthError, EvalResult

GENERATE, DECRYPT = "kms:GenerateDataKey", "kms:Decrypt"
# Requests that name a version need these actions. The service authorization reference lists them.
VERSIONED = {
    "GetObjectAnnotation": "GetObjectVersionAnnotation",
    "PutObjectAnnotation": "PutObjectVersionAnnotation",
    "DeleteObjectAnnotation": "DeleteObjectVersionAnnotation",
    "ListObjectAnnotations": "ListObjectVersionAnnotations",
}
READS = frozenset({"GetObject", "GetObjectVersion"})


def apply() -> None:
    """Add the checks to those of ministack, and evaluate the checks of a key with its key policy too."""
    additional, enforce = iam_actions.s3_additional_checks, iam_evaluator.enforce

    def all_checks(method: str, path: str, headers: dict, body: bytes, query_params: dict) -> list:
        bucket, _, key = path.lstrip("/").partition("/")
        action = iam_actions._s3_action(method, path, query_params)
        more = _object_checks(method, action, bucket, key, headers, query_params) if key else []
        return [*additional(method, path, headers, body, query_params), *more]

    def enforce_by_service(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict | None = None,
    ) -> AuthError | EvalResult | None:
        if service == "s3" and iam_action.startswith("kms:"):
            service, service_context = "kms", {"kms:ViaService": f"s3.{region}.amazonaws.com"}
        return enforce(access_key_id, iam_action, service, region, resource_arn, service_context)

    iam_actions.s3_additional_checks, iam_evaluator.enforce = all_checks, enforce_by_service
    iam_actions._S3_VERSIONED_ACTIONS |= VERSIONED


def _object_checks(method: str, action: str | None, bucket: str, key: str, headers: dict, query: dict) -> list:
    if action in READS:
        record = _find_version(bucket, key, s3._qp(query, "versionId"))
        return _absence_checks(bucket, record) or (_decrypt_checks(record) if method == "GET" else [])
    if action != "PutObject":
        return []
    if "uploadId" in query:
        return _part_checks(headers, s3._qp(query, "uploadId"))
    arn = f"arn:aws:s3:::{bucket}/{key}"
    tagging = [("s3:PutObjectTagging", arn)] if headers.get("x-amz-tagging") else []
    return [*tagging, *_generate_checks(bucket, headers), *_source_checks(arn, headers)]


def _part_checks(headers: dict, upload_id: str) -> list:
    """Return the checks of a part: it is encrypted under the upload's data key, which must be decrypted first."""
    upload = s3._multipart_uploads.get(upload_id) or {}
    arn = upload.get("preserved_headers", {}).get(KEY_ID)
    own = [(GENERATE, arn), (DECRYPT, arn)] if arn else []
    return [*own, *_decrypt_checks(_find_source(headers))]


def _source_checks(arn: str, headers: dict) -> list:
    """Return the checks of a copy: read the source, and copy its tags unless they are replaced."""
    if "x-amz-copy-source" not in headers:
        return []
    bucket, key, version = parse_copy_source(headers)
    record = _find_source(headers)
    checks = _absence_checks(bucket, record) or _decrypt_checks(record)
    tags = s3._object_tags.get((bucket, key, version or find_object(bucket, key).get("version_id")))
    if tags and headers.get("x-amz-tagging-directive", "COPY") == "COPY":
        read = "s3:GetObjectVersionTagging" if version else "s3:GetObjectTagging"
        checks += [(read, f"arn:aws:s3:::{bucket}/{key}"), ("s3:PutObjectTagging", arn)]
    return [*checks, *_annotation_checks(arn, headers)]


def _annotation_checks(arn: str, headers: dict) -> list:
    """Return the checks of a copy with annotations: read them, and write them, unless they are excluded."""
    bucket, key, version = parse_copy_source(headers)
    current = version or find_object(bucket, key).get("version_id")
    annotated = s3._object_annotations.get((bucket, key, None if current == "null" else current))
    if not annotated or headers.get("x-amz-object-annotation-directive", "COPY").upper() != "COPY":
        return []
    read = "s3:GetObjectVersionAnnotation" if version else "s3:GetObjectAnnotation"
    return [(read, f"arn:aws:s3:::{bucket}/{key}"), ("s3:PutObjectAnnotation", arn)]


def _absence_checks(bucket: str, record: dict) -> list:
    """Return the check for an absent key: only a caller that may list the bucket gets a 404."""
    return [("s3:ListBucket", f"arn:aws:s3:::{bucket}")] if not record and bucket in s3._buckets else []


def _find_source(headers: dict) -> dict:
    return _find_version(*parse_copy_source(headers)) if "x-amz-copy-source" in headers else {}


def _find_version(bucket: str, key: str, version: str | None) -> dict:
    if not version or version == "null":
        return find_object(bucket, key)
    versions = s3._object_versions.get((bucket, key), [])
    return next((entry for entry in versions if entry["version_id"] == version), {})


def _decrypt_checks(record: dict) -> list:
    arn = record.get("preserved_headers", {}).get(KEY_ID)
    return [(DECRYPT, arn)] if arn else []


def _generate_checks(bucket: str, headers: dict) -> list:
    """Return the check for the key that a write names, or for the key of its bucket."""
    if headers.get("x-amz-server-side-encryption"):
        key = headers.get(KEY_ID)
    else:
        key = s3._bucket_default_sse_headers(bucket).get(KEY_ID)
    return [(GENERATE, resolve_key_arn(key))] if key else []
