"""Inventories of S3: configurations as the service checks them, and lists in the service's format."""

import hashlib
import io
import json
import time

import pyarrow.parquet
import pytest
from seqdrop.archive.inventory import parse_manifest, read_entries

from local.inventory import write_inventory
from local.testing import EventLog, expect_error, make_bucket

pytest_plugins = ["local.fixtures"]


def configure(bucket: str, **changes) -> dict:
    destination = {"Bucket": f"arn:aws:s3:::{bucket}", "Format": "Parquet", "Prefix": "lists", "AccountId": "0" * 12}
    return {
        "Id": "all",
        "IsEnabled": True,
        "IncludedObjectVersions": "All",
        "Schedule": {"Frequency": "Weekly"},
        "OptionalFields": ["Size", "LastModifiedDate", "StorageClass", "ETag"],
        "Destination": {"S3BucketDestination": destination},
    } | changes


@pytest.fixture
def s3(aws):
    return aws.client("s3")


@pytest.fixture
def buckets(aws, s3) -> tuple[str, str]:
    """A bucket with an inventory configuration, and the bucket of its inventories."""
    source, target = make_bucket(aws, versioned=True), make_bucket(aws)
    s3.put_bucket_inventory_configuration(Bucket=source, Id="all", InventoryConfiguration=configure(target))
    return source, target


def read(s3, bucket: str, key: str) -> bytes:
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def test_a_configuration_is_kept_until_it_is_deleted(s3, buckets):
    source, target = buckets
    stored = s3.get_bucket_inventory_configuration(Bucket=source, Id="all")["InventoryConfiguration"]
    assert stored == configure(target)
    (listed,) = s3.list_bucket_inventory_configurations(Bucket=source)["InventoryConfigurationList"]
    assert listed == stored
    s3.delete_bucket_inventory_configuration(Bucket=source, Id="all")
    with expect_error("NoSuchConfiguration"):
        s3.get_bucket_inventory_configuration(Bucket=source, Id="all")


@pytest.mark.parametrize(
    "change",
    [{"OptionalFields": ["Sise"]}, {"Schedule": {"Frequency": "Hourly"}}, {"IncludedObjectVersions": "Some"}],
    ids=["field", "frequency", "versions"],
)
def test_configurations_that_break_a_rule_are_refused(s3, buckets, change):
    source, target = buckets
    with expect_error("MalformedXML"):
        s3.put_bucket_inventory_configuration(
            Bucket=source, Id="all", InventoryConfiguration=configure(target, **change)
        )


def test_an_inventory_has_the_layout_and_the_schema_of_the_service(aws, s3, buckets):
    source, target = buckets
    first = s3.put_object(Bucket=source, Key="a b/ü", Body=b"one", StorageClass="DEEP_ARCHIVE")
    second = s3.put_object(Bucket=source, Key="a b/ü", Body=b"four")
    marker = s3.delete_object(Bucket=source, Key="a b/ü")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [target]}}}
    events = EventLog(aws, pattern)
    checksum = write_inventory(aws, source, "all", rows_per_file=2)
    assert checksum.startswith(f"lists/{source}/all/")
    content = read(s3, target, checksum.replace(".checksum", ".json"))
    assert read(s3, target, checksum).decode() == hashlib.md5(content).hexdigest()
    document = json.loads(content)
    assert document["destinationBucket"] == f"arn:aws:s3:::{target}"
    assert (document["sourceBucket"], document["version"]) == (source, "2016-11-30")
    keys = [event["detail"]["object"]["key"] for event in events.first(4)]
    assert keys[-1] == checksum, "written last"

    tables = [pyarrow.parquet.read_table(io.BytesIO(read(s3, target, file["key"]))) for file in document["files"]]
    names = ("bucket", "key", "version_id", "is_latest", "is_delete_marker", "size", "last_modified_date", "e_tag")
    assert tables[0].column_names == [*names, "storage_class"]
    rows = [row for table in tables for row in table.to_pylist()]
    assert {row["version_id"]: (row["size"], row["storage_class"], row["is_latest"]) for row in rows} == {
        first["VersionId"]: (3, "DEEP_ARCHIVE", False),
        second["VersionId"]: (4, "STANDARD", False),
        marker["VersionId"]: (None, None, True),
    }


def test_seqdrop_reads_what_was_written(aws, s3, buckets, tmp_path):
    source, target = buckets
    version = s3.put_object(Bucket=source, Key="a+b", Body=b"one")["VersionId"]
    checksum = write_inventory(aws, source, "all")
    manifest = parse_manifest(read(s3, target, checksum.replace(".checksum", ".json")))
    (file,) = manifest.files
    (tmp_path / "part").write_bytes(read(s3, target, file.key))
    (entry,) = read_entries(tmp_path / "part", manifest)
    assert (entry.key, entry.version_id, entry.size, entry.is_latest) == ("a+b", version, 3, True)
    assert abs(entry.modified / 1000 - time.time()) < 60


def test_an_inventory_is_not_made_by_itself(s3, buckets):
    source, target = buckets
    s3.put_object(Bucket=source, Key="a", Body=b"one")
    time.sleep(0.5)
    assert s3.list_objects_v2(Bucket=target)["KeyCount"] == 0
