"""Inventories of buckets of the embedded AWS, in S3's format, made at once instead of once a day or a week.

The layout and the schema are those of the user guide of S3: data files below `data/`, and `manifest.json` and then
`manifest.checksum` in a folder that is named by the time. The Parquet files are compressed with Snappy.
"""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from arro3.core import Array, DataType, Field, RecordBatch, RecordBatchReader, Schema
from arro3.io import write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.client import BaseClient

    from local.embedded import EmbeddedAws

VERSION = "2016-11-30"
TEXT, TRUTH, WHOLE, TIME = DataType.utf8(), DataType.bool(), DataType.int64(), DataType.timestamp("ms", tz="UTC")
PARQUET_TYPES = {
    str(TEXT): "binary {} (UTF8)",
    str(TRUTH): "boolean {}",
    str(WHOLE): "int64 {}",
    str(TIME): "int64 {} (TIMESTAMP_MILLIS)",
}


@dataclass(frozen=True)
class Column:
    """A column of an inventory: its name in Parquet, its type, and the optional field that brings it."""

    name: str
    type: DataType
    field: str = ""
    required: bool = False


COLUMNS = (
    Column("bucket", TEXT, required=True),
    Column("key", TEXT, required=True),
    Column("version_id", TEXT),
    Column("is_latest", TRUTH),
    Column("is_delete_marker", TRUTH),
    Column("size", WHOLE, "Size"),
    Column("last_modified_date", TIME, "LastModifiedDate"),
    Column("e_tag", TEXT, "ETag"),
    Column("storage_class", TEXT, "StorageClass"),
    Column("is_multipart_uploaded", TRUTH, "IsMultipartUploaded"),
    Column("encryption_status", TEXT, "EncryptionStatus"),
    Column("object_lock_retain_until_date", TIME, "ObjectLockRetainUntilDate"),
    Column("object_lock_mode", TEXT, "ObjectLockMode"),
    Column("object_lock_legal_hold_status", TEXT, "ObjectLockLegalHoldStatus"),
    Column("checksum_algorithm", TEXT, "ChecksumAlgorithm"),
)
OF_VERSIONS = frozenset({"version_id", "is_latest", "is_delete_marker"})
ENCRYPTION = {"aws:kms": "SSE-KMS", "AES256": "SSE-S3", None: "NOT-SSE"}


def write_inventory(aws: EmbeddedAws, bucket: str, configuration: str, rows_per_file: int = 1000) -> str:
    """Write an inventory of a bucket by its configuration; return the key of its manifest.checksum.

    The embedded server announces each object that is written, as S3 does.
    """
    s3 = aws.client("s3")
    terms = s3.get_bucket_inventory_configuration(Bucket=bucket, Id=configuration)["InventoryConfiguration"]
    destination = terms["Destination"]["S3BucketDestination"]
    target = destination["Bucket"].rpartition(":")[2]
    folder = "/".join(filter(None, (destination.get("Prefix", "").strip("/"), bucket, configuration)))
    created = datetime.now(UTC)
    columns = _select_columns(terms)
    rows = list(list_rows(s3, bucket, terms["IncludedObjectVersions"] == "All"))
    groups = [rows[start : start + rows_per_file] for start in range(0, len(rows), rows_per_file)]
    files = [_write_file(s3, target, f"{folder}/data/{uuid.uuid4()}.parquet", columns, group) for group in groups]
    manifest = {
        "sourceBucket": bucket,
        "destinationBucket": destination["Bucket"],
        "version": VERSION,
        "creationTimestamp": str(int(created.timestamp() * 1000)),
        "fileFormat": "Parquet",
        "fileSchema": describe_schema(columns),
        "files": files,
    }
    return _write_manifest(s3, target, f"{folder}/{created:%Y-%m-%dT%H-%MZ}", manifest)


def _write_manifest(s3: BaseClient, bucket: str, folder: str, manifest: dict) -> str:
    content = json.dumps(manifest, indent=2).encode()
    s3.put_object(Bucket=bucket, Key=f"{folder}/manifest.json", Body=content)
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    s3.put_object(Bucket=bucket, Key=f"{folder}/manifest.checksum", Body=checksum.encode())
    return f"{folder}/manifest.checksum"


def _select_columns(terms: dict) -> list[Column]:
    fields, all_versions = terms.get("OptionalFields", []), terms["IncludedObjectVersions"] == "All"
    return [
        column
        for column in COLUMNS
        if (not column.field or column.field in fields) and (all_versions or column.name not in OF_VERSIONS)
    ]


def describe_schema(columns: list[Column]) -> str:
    """Return the schema as manifest.json has it."""
    lines = [
        f"  {'required' if column.required else 'optional'} {PARQUET_TYPES[str(column.type)].format(column.name)};"
        for column in columns
    ]
    return "\n".join(["message s3.inventory {", *lines, "}"])


def list_rows(s3: BaseClient, bucket: str, all_versions: bool) -> Iterator[dict]:
    """Yield a row for each version and delete marker of a bucket, or for each current object."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for version in page.get("Versions", []):
            if all_versions or version["IsLatest"]:
                yield _describe(s3, bucket, version)
        for marker in page.get("DeleteMarkers", []) if all_versions else ():
            yield {
                "bucket": bucket,
                "key": marker["Key"],
                "version_id": marker["VersionId"],
                "is_latest": marker["IsLatest"],
                "is_delete_marker": True,
                "last_modified_date": _milliseconds(marker["LastModified"]),
            }


def _describe(s3: BaseClient, bucket: str, version: dict) -> dict:
    head = s3.head_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    lock = head.get("ObjectLockRetainUntilDate")
    return {
        "bucket": bucket,
        "key": version["Key"],
        "version_id": version["VersionId"],
        "is_latest": version["IsLatest"],
        "is_delete_marker": False,
        "size": version["Size"],
        "last_modified_date": _milliseconds(version["LastModified"]),
        "e_tag": version["ETag"].strip('"'),
        "storage_class": version.get("StorageClass", "STANDARD"),
        "is_multipart_uploaded": "-" in version["ETag"],
        "encryption_status": ENCRYPTION.get(head.get("ServerSideEncryption"), "NOT-SSE"),
        "object_lock_retain_until_date": _milliseconds(lock) if lock else None,
        "object_lock_mode": head.get("ObjectLockMode"),
        "object_lock_legal_hold_status": head.get("ObjectLockLegalHoldStatus"),
        "checksum_algorithm": next(iter(version.get("ChecksumAlgorithm", [])), None),
    }


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000  # S3 has whole seconds


def _write_file(s3: BaseClient, bucket: str, key: str, columns: list[Column], rows: list[dict]) -> dict:
    content = encode_parquet(columns, rows)
    s3.put_object(Bucket=bucket, Key=key, Body=content)
    checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
    return {"key": key, "size": len(content), "MD5checksum": checksum}


def encode_parquet(columns: list[Column], rows: list[dict]) -> bytes:
    """Return a Parquet file of rows, whose times are milliseconds since 1970."""
    schema = Schema([Field(column.name, column.type, nullable=not column.required) for column in columns])
    arrays = [_make_array([row.get(column.name) for row in rows], column.type) for column in columns]
    target = io.BytesIO()
    batch = RecordBatch.from_arrays(arrays, schema=schema)
    write_parquet(RecordBatchReader.from_batches(schema, [batch]), target, compression="snappy")
    return target.getvalue()


def _make_array(values: list, kind: DataType) -> Array:
    return Array(values, WHOLE).cast(kind) if str(kind) == str(TIME) else Array(values, kind)
