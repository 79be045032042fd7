"""Checksums as S3 handles them: CRC64NVME if the client sent none, and a response with the stored checksum.

awscrt computes them in C, because ministack's own tables take seconds for a few megabytes.
"""

import base64
import struct

from awscrt import checksums
from ministack.services import s3

FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
DEFAULT = "CRC64NVME"


def apply() -> None:
    """Compute checksums in C, add the default one, return the stored ones, and keep their type with each version."""
    _use_native()
    _return_on_put()
    _keep_type_in_versions()


def make_checksum_headers(stored: dict) -> dict[str, str]:
    """Return the response headers for an object's checksums."""
    checksums = stored.get("checksums") or {}
    headers = {f"x-amz-checksum-{name.lower()}": value for name, value in checksums.items()}
    return headers | {"x-amz-checksum-type": stored.get("checksum_type") or FULL} if headers else {}


def _use_native() -> None:
    compute = s3._compute_s3_checksum

    def compute_native(algorithm: str, body: bytes) -> str | None:
        name = (algorithm or "").upper().replace("_", "")
        if name == "CRC64NVME":
            return base64.b64encode(struct.pack(">Q", checksums.crc64nvme(body))).decode()
        if name == "CRC32C":
            return base64.b64encode(struct.pack(">I", checksums.crc32c(body))).decode()
        return compute(algorithm, body)

    s3._compute_s3_checksum = compute_native


def _return_on_put() -> None:
    put = s3._put_object

    def put_with_checksum(bucket_name: str, key: str, body: bytes, headers: dict) -> tuple:
        if not _has_checksum(headers):
            headers = {**headers, "x-amz-sdk-checksum-algorithm": DEFAULT}
        status, response_headers, content = put(bucket_name, key, body, headers)
        if status == 200:
            response_headers.update(make_checksum_headers(find_object(bucket_name, key)))
        return status, response_headers, content

    s3._put_object = put_with_checksum


def find_object(bucket: str, key: str) -> dict:
    """Return ministack's record of the current object of a key; an empty dict if there is none."""
    return (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key) or {}


def update_object(bucket: str, key: str, **fields: object) -> dict:
    """Change fields of the record of a key's object and of its version's entry; return the record."""
    record = find_object(bucket, key)
    record.update(fields)
    for version in s3._object_versions.get((bucket, key), []):
        if version["version_id"] == (record.get("version_id") or "null"):
            version.update(fields)
    return record


def _has_checksum(headers: dict) -> bool:
    return bool(headers.get("x-amz-sdk-checksum-algorithm")) or any(
        headers.get(f"x-amz-checksum-{name}") for name in s3._S3_CHECKSUM_HEADERS
    )


def _keep_type_in_versions() -> None:
    to_version, to_object = s3._version_entry_from_record, s3._object_record_from_version

    def version_entry(record: dict, version_id: str, data: bytes) -> dict:
        return to_version(record, version_id, data) | {"checksum_type": record.get("checksum_type")}

    def object_record(version: dict) -> dict:
        return to_object(version) | {"checksum_type": version.get("checksum_type")}

    s3._version_entry_from_record, s3._object_record_from_version = version_entry, object_record
