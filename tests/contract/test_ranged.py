"""Objects read in parts from a real S3: its ranges, versions, conditions and refusals."""

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
def dropped(aws):
    """Puts bytes into a bucket; answers the version that was made of them."""
    s3, buckets = aws.client("s3"), {True: make_bucket(aws, versioned=True), False: make_bucket(aws)}

    def put(body: bytes = BODY, versioned: bool = True) -> UploadVersion:
        answer = s3.put_object(Bucket=buckets[versioned], Key="raw/a b+é", Body=body)
        etag = answer["ETag"].strip('"')
        return UploadVersion(buckets[versioned], "raw/a b+é", answer.get("VersionId", "null"), len(body), etag)

    return put


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, len(BODY)])
def test_it_is_the_object(aws, dropped, size):
    with RangedObject(aws.client("s3"), dropped(BODY[:size]), PART) as stream:
        assert stream.readall() == BODY[:size]


def test_it_is_the_version_that_was_announced(aws, dropped):
    version = dropped()
    dropped(b"newer")
    with RangedObject(aws.client("s3"), version, PART) as stream:
        assert stream.readall() == BODY


def test_a_range_beyond_a_version_is_refused(aws, dropped):
    version = dropped(b"12345")
    place = {"Bucket": version.bucket, "Key": version.key, "VersionId": version.version_id}
    answer = aws.client("s3").get_object(**place, Range="bytes=1-99", ChecksumMode="ENABLED")
    assert (answer["Body"].read(), answer["ContentRange"], answer["ContentLength"]) == (b"2345", "bytes 1-4/5", 4)
    with expect_error("InvalidRange"):
        aws.client("s3").get_object(**place, Range="bytes=5-9")


def test_without_a_version_a_replaced_object_is_noticed(aws, dropped):
    version = dropped(versioned=False)
    with RangedObject(aws.client("s3"), version, PART) as stream:
        assert stream.readall() == BODY
    dropped(BODY[::-1], versioned=False)
    with RangedObject(aws.client("s3"), version, PART) as stream, pytest.raises(ObjectGoneError, match="replaced"):
        stream.readall()


@pytest.mark.parametrize("size", [10, len(BODY)])
def test_a_version_that_was_deleted_is_gone(aws, dropped, size):
    version = dropped(BODY[:size])
    aws.client("s3").delete_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)
    with RangedObject(aws.client("s3"), version, PART) as stream, pytest.raises(ObjectGoneError, match="deleted"):
        stream.readall()


def test_the_permissions_of_the_template_are_enough(aws, dropped):
    """GetObjectVersion for the version, ListBucket to tell a deleted one from a denied one."""
    version = dropped()
    here = f"arn:aws:s3:::{version.bucket}"
    reading = allow(["s3:GetObject", "s3:GetObjectVersion"], f"{here}/*")
    finding = allow(["s3:ListBucket", "s3:ListBucketVersions"], here)
    s3 = assume_role(aws, make_role(aws, reading, finding)).client("s3")
    with RangedObject(s3, version, PART) as stream:
        assert stream.readall() == BODY
