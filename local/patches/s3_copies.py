"""CopyObject and UploadPartCopy as S3 does them: refused sources and destinations, and the properties of a copy."""

from urllib.parse import parse_qs, unquote
from xml.etree.ElementTree import SubElement, tostring

from defusedxml.ElementTree import fromstring
from ministack.core.responses import md5_hash
from ministack.services import s3

from local.patches.s3_checksums import DEFAULT, FULL, find_object, update_object

ALGORITHM, CLASS = "x-amz-checksum-algorithm", "x-amz-storage-class"
SOURCE_ARCHIVED = "Operation is not valid for the source object's storage class"
TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing "
    "the object's metadata, storage class, website redirect location or encryption attributes."
)
CHANGES = ("x-amz-storage-class", "x-amz-website-redirect-location", "x-amz-server-side-encryption")


def apply() -> None:
    """Wrap both operations."""
    copy, copy_part = s3._copy_object, s3._upload_part_copy

    def copy_object(bucket_name: str, dest_key: str, headers: dict) -> tuple:
        refusal = (
            _refuse_archived(headers)
            or _refuse_same(bucket_name, dest_key, headers)
            or _refuse_precondition(bucket_name, dest_key, headers)
        )
        if refusal:
            return refusal
        response = copy(bucket_name, dest_key, _complete(headers))
        return _correct(bucket_name, dest_key, headers, response) if response[0] == 200 else response

    def upload_part_copy(bucket_name: str, dest_key: str, query_params: dict, headers: dict) -> tuple:
        return _refuse_archived(headers) or copy_part(bucket_name, dest_key, query_params, headers)

    s3._copy_object, s3._upload_part_copy = copy_object, upload_part_copy


def parse_copy_source(headers: dict) -> tuple[str, str, str | None]:
    """Return bucket, key and version id of the copy source header; the version id is None if it names no version."""
    path, _, query = headers.get("x-amz-copy-source", "").lstrip("/").partition("?")
    bucket, _, key = unquote(path).partition("/")
    return bucket, key, parse_qs(query).get("versionId", [None])[0]


def _refuse_archived(headers: dict) -> tuple | None:
    """Return the error for a source that is in an archive class and not restored; None if it may be copied."""
    bucket, key, version = parse_copy_source(headers)
    record = find_object(bucket, key)
    if version and record.get("version_id") != version:
        versions = s3._object_versions.get((bucket, key), [])
        record = next((entry for entry in versions if entry["version_id"] == version), {})
    if record.get("storage_class") not in s3._ARCHIVE_STORAGE_CLASSES:
        return None
    restored = s3._sync_restore(bucket, key, record) == "restored"
    return None if restored else s3._error("InvalidObjectState", SOURCE_ARCHIVED, 403, f"/{bucket}/{key}")


def _refuse_same(bucket: str, key: str, headers: dict) -> tuple | None:
    """Return the error for a copy onto itself that changes nothing; None otherwise.

    A copy of an older version onto the current one is allowed.
    """
    is_replacement = "REPLACE" in (headers.get("x-amz-metadata-directive"), headers.get("x-amz-tagging-directive"))
    if parse_copy_source(headers)[:2] != (bucket, key) or is_replacement or any(name in headers for name in CHANGES):
        return None
    version = parse_copy_source(headers)[2]
    if version not in (None, find_object(bucket, key).get("version_id")):
        return None
    return s3._error("InvalidRequest", TO_ITSELF, 400, f"/{bucket}/{key}")


def _refuse_precondition(bucket: str, key: str, headers: dict) -> tuple | None:
    """Return the error (412) if the destination does not meet If-None-Match or If-Match; None otherwise."""
    return s3._check_put_preconditions(headers, find_object(bucket, key) or None)


def _complete(headers: dict) -> dict:
    """Return the headers with the defaults of a copy: class STANDARD, and the checksum algorithm's own header."""
    completed = {CLASS: "STANDARD", **headers}
    if headers.get(ALGORITHM):
        completed["x-amz-sdk-checksum-algorithm"] = headers[ALGORITHM]
    return completed


def _correct(bucket: str, key: str, headers: dict, response: tuple) -> tuple:
    """Give the copy the ETag and checksum of a whole object, even if its source is a multipart object."""
    status, response_headers, body = response
    record, algorithm = find_object(bucket, key), headers.get(ALGORITHM)
    names = [algorithm.upper()] if algorithm else list(record["checksums"]) or [DEFAULT]
    checksums = {name: s3._compute_s3_checksum(name, record["body"]) for name in names}
    update_object(bucket, key, checksums=checksums, checksum_type=FULL, etag=f'"{md5_hash(record["body"])}"')
    return status, response_headers, _with_checksums(body, record)


def _with_checksums(body: bytes, record: dict) -> bytes:
    root = fromstring(body)
    root.find("{*}ETag").text = record["etag"]
    for name, value in record["checksums"].items():
        SubElement(root, f"Checksum{name}").text = value
    SubElement(root, "ChecksumType").text = record["checksum_type"]
    return tostring(root, encoding="utf-8", xml_declaration=True)
