"""Inventories in S3's two formats: pyarrow writes what S3 writes, and Seqdrop reads the same entries from both."""

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from seqdrop.archive.inventory import Entry, InventoryError, InventoryFile, parse_manifest, read_entries

MOMENT = datetime(2026, 11, 29, 23, 59, 59, tzinfo=UTC)
ENTRIES = [
    Entry("runs/r 1/ü+a.fastq.gz", "v1", True, False, 17, int(MOMENT.timestamp() * 1000), "DEEP_ARCHIVE", "abc-2"),
    Entry("runs/r 1/ü+a.fastq.gz", "v0", False, False, 0, int(MOMENT.timestamp() * 1000), "STANDARD", "def"),
    Entry("gone", "v2", True, True, 0, int(MOMENT.timestamp() * 1000), "", ""),
]
SCHEMA = """message s3.inventory {
  required binary bucket (UTF8);
  required binary key (UTF8);
  optional binary version_id (UTF8);
  optional boolean is_latest;
  optional boolean is_delete_marker;
  optional int64 size;
  optional int64 last_modified_date (TIMESTAMP_MILLIS);
  optional binary e_tag (UTF8);
  optional binary storage_class (UTF8);
}"""
CSV_SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag, StorageClass, Unknown"


def make_manifest(**changes) -> bytes:
    document = {
        "sourceBucket": "archive",
        "destinationBucket": "arn:aws:s3:::results",
        "version": "2016-11-30",
        "creationTimestamp": "1790000000000",
        "fileFormat": "Parquet",
        "fileSchema": SCHEMA,
        "files": [{"key": "inventory/lists/a.parquet", "size": 7, "MD5checksum": "0" * 32}],
    }
    return json.dumps(document | changes).encode()


def write_parquet(path, entries, zone="UTC") -> None:
    columns = {
        "bucket": pa.array(["archive"] * len(entries)),
        "key": pa.array([entry.key for entry in entries]),
        "version_id": pa.array([entry.version_id for entry in entries]),
        "is_latest": pa.array([entry.is_latest for entry in entries]),
        "is_delete_marker": pa.array([entry.is_delete_marker for entry in entries]),
        "size": pa.array([None if entry.is_delete_marker else entry.size for entry in entries], pa.int64()),
        "last_modified_date": pa.array([entry.modified for entry in entries], pa.int64()).cast(
            pa.timestamp("ms", zone)
        ),
        "e_tag": pa.array([entry.etag or None for entry in entries]),
        "storage_class": pa.array([entry.storage_class or None for entry in entries]),
    }
    pq.write_table(pa.table(columns), path, compression="snappy", row_group_size=2)


def write_csv(path, entries) -> None:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for entry in entries:
        truths = [str(value).lower() for value in (entry.is_latest, entry.is_delete_marker)]
        size = "" if entry.is_delete_marker else entry.size
        place = ["archive", quote_plus(entry.key), entry.version_id]
        writer.writerow([*place, *truths, size, "2026-11-29T23:59:59.000Z", entry.etag, entry.storage_class, "x"])
    path.write_bytes(gzip.compress(text.getvalue().encode()))


@pytest.mark.parametrize("zone", ["UTC", None])
def test_entries_of_parquet(tmp_path, zone):
    write_parquet(tmp_path / "a", ENTRIES, zone)
    assert list(read_entries(tmp_path / "a", parse_manifest(make_manifest()))) == ENTRIES


def test_entries_of_csv(tmp_path):
    write_csv(tmp_path / "a", ENTRIES)
    manifest = parse_manifest(make_manifest(fileFormat="CSV", fileSchema=CSV_SCHEMA))
    assert list(read_entries(tmp_path / "a", manifest)) == ENTRIES


def test_an_inventory_of_current_objects_has_no_columns_of_versions(tmp_path):
    write_parquet(tmp_path / "a", ENTRIES[:1])
    kept = [line for line in SCHEMA.splitlines() if "version_id" not in line and "boolean" not in line]
    (entry,) = read_entries(tmp_path / "a", parse_manifest(make_manifest(fileSchema="\n".join(kept))))
    assert entry == ENTRIES[0]._replace(version_id="")


def test_the_manifest_says_what_is_listed():
    manifest = parse_manifest(make_manifest())
    assert (manifest.bucket, manifest.created) == ("archive", 1_790_000_000_000)
    assert manifest.files == (InventoryFile("inventory/lists/a.parquet", 7, "0" * 32),)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no JSON", "not the manifest"),
        (b"[]", "not the manifest"),
        (make_manifest(creationTimestamp="yesterday"), "not the manifest"),
        (make_manifest(version="2030-01-01"), "not supported"),
        (make_manifest(fileFormat="ORC"), "not supported"),
        (make_manifest(fileSchema=SCHEMA.replace("storage_class", "other")), "lacks the columns storage_class"),
    ],
    ids=["text", "list", "time", "version", "format", "columns"],
)
def test_manifests_that_are_refused(content, problem):
    with pytest.raises(InventoryError, match=problem):
        parse_manifest(content)
