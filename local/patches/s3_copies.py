"""CopyObject and UploadPartCopy as S3 does them: what may be copied, and what the copy is then like."""

from urllib.parse import parse_qs, unquote
from xml.etree.ElementTree import SubElement, tostring

from defusedxml.ElementTree import fromstring
from ministack.core.responses import md5_hash
from ministack.services import s3

from local.patches.s3_checksums import DEFAULT, FULL, current, replace

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
        refused = _archived(headers) or _same(bucket_name, dest_key, headers)
        if refused:
            return refused
        answer = copy(bucket_name, dest_key, _completed(headers))
        return _corrected(bucket_name, dest_key, headers, answer) if answer[0] == 200 else answer

    def upload_part_copy(bucket_name: str, dest_key: str, query_params: dict, headers: dict) -> tuple:
        return _archived(headers) or copy_part(bucket_name, dest_key, query_params, headers)

    s3._copy_object, s3._upload_part_copy = copy_object, upload_part_copy


def source(headers: dict) -> tuple[str, str, str | None]:
    """Bucket, key and version id that the copy source header names."""
    path, _, query = headers.get("x-amz-copy-source", "").lstrip("/").partition("?")
    bucket, _, key = unquote(path).partition("/")
    return bucket, key, parse_qs(query).get("versionId", [None])[0]


def _archived(headers: dict) -> tuple | None:
    """The refusal for a source that lies in an archive class and is not restored."""
    bucket, key, version = source(headers)
    record = current(bucket, key)
    if version and record.get("version_id") != version:
        versions = s3._object_versions.get((bucket, key), [])
        record = next((entry for entry in versions if entry["version_id"] == version), {})
    if record.get("storage_class") not in s3._ARCHIVE_STORAGE_CLASSES:
        return None
    restored = s3._sync_restore(bucket, key, record) == "restored"
    return None if restored else s3._error("InvalidObjectState", SOURCE_ARCHIVED, 403, f"/{bucket}/{key}")


def _same(bucket: str, key: str, headers: dict) -> tuple | None:
    """The refusal for a copy onto itself that changes nothing; an older version may replace the newest."""
    replaces = "REPLACE" in (headers.get("x-amz-metadata-directive"), headers.get("x-amz-tagging-directive"))
    if source(headers)[:2] != (bucket, key) or replaces or any(name in headers for name in CHANGES):
        return None
    version = source(headers)[2]
    if version not in (None, current(bucket, key).get("version_id")):
        return None
    return s3._error("InvalidRequest", TO_ITSELF, 400, f"/{bucket}/{key}")


def _completed(headers: dict) -> dict:
    """A copy is STANDARD unless it says otherwise, and its checksum has a header of its own."""
    completed = {CLASS: "STANDARD", **headers}
    if headers.get(ALGORITHM):
        completed["x-amz-sdk-checksum-algorithm"] = headers[ALGORITHM]
    return completed


def _corrected(bucket: str, key: str, headers: dict, answer: tuple) -> tuple:
    """The copy is one object, whatever parts its source came in: whole-object ETag and checksum."""
    status, answer_headers, body = answer
    record, asked = current(bucket, key), headers.get(ALGORITHM)
    names = [asked.upper()] if asked else list(record["checksums"]) or [DEFAULT]
    checksums = {name: s3._compute_s3_checksum(name, record["body"]) for name in names}
    replace(bucket, key, checksums=checksums, checksum_type=FULL, etag=f'"{md5_hash(record["body"])}"')
    return status, answer_headers, _with_checksums(body, record)


def _with_checksums(body: bytes, record: dict) -> bytes:
    root = fromstring(body)
    root.find("{*}ETag").text = record["etag"]
    for name, value in record["checksums"].items():
        SubElement(root, f"Checksum{name}").text = value
    SubElement(root, "ChecksumType").text = record["checksum_type"]
    return tostring(root, encoding="utf-8", xml_declaration=True)
