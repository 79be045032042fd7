"""Checksums that S3 always has: CRC64NVME when the client sent none, and the answer names what was stored.

They are computed in C (awscrt), since ministack's own tables take seconds for some megabytes.
"""

import base64
import struct

from awscrt import checksums
from ministack.services import s3

FULL, COMPOSITE = "FULL_OBJECT", "COMPOSITE"
DEFAULT = "CRC64NVME"


def apply() -> None:
    """Compute quickly, add the default, answer what is stored, and keep the kind with each version."""
    _use_native()
    _answer_on_put()
    _keep_kind_in_versions()


def headers_of(stored: dict) -> dict[str, str]:
    """The headers that name an object's checksums."""
    known = stored.get("checksums") or {}
    named = {f"x-amz-checksum-{name.lower()}": value for name, value in known.items()}
    return named | {"x-amz-checksum-type": stored.get("checksum_type") or FULL} if named else {}


def _use_native() -> None:
    compute = s3._compute_s3_checksum

    def quick(algorithm: str, body: bytes) -> str | None:
        name = (algorithm or "").upper().replace("_", "")
        if name == "CRC64NVME":
            return base64.b64encode(struct.pack(">Q", checksums.crc64nvme(body))).decode()
        if name == "CRC32C":
            return base64.b64encode(struct.pack(">I", checksums.crc32c(body))).decode()
        return compute(algorithm, body)

    s3._compute_s3_checksum = quick


def _answer_on_put() -> None:
    put = s3._put_object

    def put_with_answer(bucket_name: str, key: str, body: bytes, headers: dict) -> tuple:
        if not _names_one(headers):
            headers = {**headers, "x-amz-sdk-checksum-algorithm": DEFAULT}
        status, answer, content = put(bucket_name, key, body, headers)
        if status == 200:
            answer.update(headers_of(current(bucket_name, key)))
        return status, answer, content

    s3._put_object = put_with_answer


def current(bucket: str, key: str) -> dict:
    """The record of the object that a key has now; empty when there is none."""
    return (s3._buckets.get(bucket) or {"objects": {}})["objects"].get(key) or {}


def replace(bucket: str, key: str, **fields) -> dict:
    """Change the record of a key's object, and the entry of its version with it; answers the record."""
    record = current(bucket, key)
    record.update(fields)
    for version in s3._object_versions.get((bucket, key), []):
        if version["version_id"] == (record.get("version_id") or "null"):
            version.update(fields)
    return record


def _names_one(headers: dict) -> bool:
    return bool(headers.get("x-amz-sdk-checksum-algorithm")) or any(
        headers.get(f"x-amz-checksum-{name}") for name in s3._S3_CHECKSUM_HEADERS
    )


def _keep_kind_in_versions() -> None:
    to_version, to_object = s3._version_entry_from_record, s3._object_record_from_version

    def version_entry(record: dict, version_id: str, data) -> dict:
        return to_version(record, version_id, data) | {"checksum_type": record.get("checksum_type")}

    def object_record(version: dict) -> dict:
        return to_object(version) | {"checksum_type": version.get("checksum_type")}

    s3._version_entry_from_record, s3._object_record_from_version = version_entry, object_record
