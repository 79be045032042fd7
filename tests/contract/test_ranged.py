"""Objects read in parts from the embedded S3: ranges, versions, conditions and errors."""

import random

import pytest
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.errors import ObjectGoneError
from seqdrop.uploads import UploadVersion

from local.testing import allow, assume_role, expect_error, make_bucket, make_role

pytest_plugins = ["local.fixtures"]

BODY = random.Random(1).randbytes(2_500_001)
PART = 300_000


@pytest.fixture
def drop(aws):
    """Return a function that writes an object and returns its version."""
    s3, buckets = aws.client("s3"), {True: make_bucket(aws, versioned=True), False: make_bucket(aws)}

    def put(body: bytes = BODY, versioned: bool = True) -> UploadVersion:
        response = s3.put_object(Bucket=buckets[versioned], Key="raw/a b+é", Body=body)
        etag = response["ETag"].strip('"')
        return UploadVersion(buckets[versioned], "raw/a b+é", response.get("VersionId", "null"), len(body), etag)

    return put


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, len(BODY)])
def test_the_bytes_are_those_of_the_object(aws, drop, size):
    with RangedObject(aws.client("s3"), drop(BODY[:size]), PART) as stream:
        assert stream.readall() == BODY[:size]


def test_the_bytes_are_those_of_the_requested_version(aws, drop):
    version = drop()
    drop(b"newer")
    with RangedObject(aws.client("s3"), version, PART) as stream:
        assert stream.readall() == BODY


def test_a_range_is_limited_to_the_version_and_refused_beyond_it(aws, drop):
    version = drop(b"12345")
    location = {"Bucket": version.bucket, "Key": version.key, "VersionId": version.version_id}
    response = aws.client("s3").get_object(**location, Range="bytes=1-99", ChecksumMode="ENABLED")
    assert (response["Body"].read(), response["ContentRange"], response["ContentLength"]) == (b"2345", "bytes 1-4/5", 4)
    with expect_error("InvalidRange"):
        aws.client("s3").get_object(**location, Range="bytes=5-9")


def test_without_a_version_a_replaced_object_is_detected(aws, drop):
    version = drop(versioned=False)
    with RangedObject(aws.client("s3"), version, PART) as stream:
        assert stream.readall() == BODY
    drop(BODY[::-1], versioned=False)
    with RangedObject(aws.client("s3"), version, PART) as stream, pytest.raises(ObjectGoneError, match="replaced"):
        stream.readall()


@pytest.mark.parametrize("size", [10, len(BODY)])
def test_a_deleted_version_is_gone(aws, drop, size):
    version = drop(BODY[:size])
    aws.client("s3").delete_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)
    with RangedObject(aws.client("s3"), version, PART) as stream, pytest.raises(ObjectGoneError, match="deleted"):
        stream.readall()


def test_the_permissions_of_the_template_suffice(aws, drop):
    """GetObjectVersion reads the version; ListBucket distinguishes a deleted version from a denied one."""
    version = drop()
    bucket = f"arn:aws:s3:::{version.bucket}"
    reading = allow(["s3:GetObject", "s3:GetObjectVersion"], f"{bucket}/*")
    listing = allow(["s3:ListBucket", "s3:ListBucketVersions"], bucket)
    s3 = assume_role(aws, make_role(aws, reading, listing)).client("s3")
    with RangedObject(s3, version, PART) as stream:
        assert stream.readall() == BODY
