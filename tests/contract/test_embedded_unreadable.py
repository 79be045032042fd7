"""Objects whose bytes S3 does not return, with the permissions of the functions: each refusal has its reason."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import multipart
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.readability import check_readable
from seqdrop.errors import UnreadableObjectError
from seqdrop.ledger.records import Upload
from seqdrop.stages.archive import cold_copy
from seqdrop.uploads import UploadVersion

from local.testing import allow, make_bucket, make_policy
from tests.support.roles import assume_template_role

pytest_plugins = ["local.fixtures"]

SSE_C = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}


@pytest.fixture(scope="module")
def buckets(aws) -> dict[str, str]:
    return {"LandingBucket": make_bucket(aws, versioned=True), "ArchiveBucket": make_bucket(aws, versioned=True)}


def make_key(aws) -> str:
    return aws.client("kms").create_key()["KeyMetadata"]["Arn"]


@pytest.fixture(scope="module")
def own_key(aws) -> str:
    return make_key(aws)


@pytest.fixture
def clients(aws, buckets, own_key) -> dict:
    """Return the S3 clients of the functions that read landed files, by role."""
    roles = ("ValidateRole", "ProcessingRole", "ArchiveRole")
    return {role: assume_template_role(aws, role, buckets, own_key).client("s3") for role in roles}


def put(aws, bucket: str, **properties) -> UploadVersion:
    """Return a version with these properties, below a newer one that is readable."""
    s3, body = aws.client("s3"), b"ACGTACGT"
    version = s3.put_object(Bucket=bucket, Key="raw/a b", Body=body, **properties)["VersionId"]
    s3.put_object(Bucket=bucket, Key="raw/a b", Body=b"newer")
    return UploadVersion(bucket, "raw/a b", version, len(body), "")


@pytest.mark.parametrize("kind", ["GLACIER", "DEEP_ARCHIVE", "SSE-C", "KMS"])
def test_the_reason_is_a_property_of_the_object(aws, clients, buckets, kind, monkeypatch):
    other = make_key(aws)
    properties, code = {
        "SSE-C": (SSE_C, "customer_key"),
        "KMS": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": other}, "other_kms_key"),
    }.get(kind, ({"StorageClass": kind}, "archived_class"))
    version = put(aws, buckets["LandingBucket"], **properties)
    attempts = [lambda s3=s3: check_readable(s3, version) for s3 in clients.values()]
    attempts += [lambda s3=s3: RangedObject(s3, version).read() for s3 in clients.values()]
    upload, s3 = Upload.from_version(version, "raw"), clients["ArchiveRole"]
    attempts.append(lambda: cold_copy.copy(s3, upload, buckets["ArchiveBucket"]))
    for attempt in attempts:
        with pytest.raises(UnreadableObjectError) as caught:
            attempt()
        assert (caught.value.fault.code, caught.value.key) == (code, other if kind == "KMS" else "")
    if kind == "SSE-C":
        return  # HEAD, from which a copy in parts takes the metadata, is refused before
    monkeypatch.setattr(multipart, "WHOLE", 1)
    with pytest.raises(UnreadableObjectError, match=code):
        cold_copy.copy(s3, upload, buckets["ArchiveBucket"])
    cold_copy.abandon(s3, upload, buckets["ArchiveBucket"])  # as the archive stage does with a file that it rejects
    assert "Uploads" not in aws.client("s3").list_multipart_uploads(Bucket=buckets["ArchiveBucket"])


def test_an_object_of_another_class_is_readable(aws, clients, buckets):
    version = put(aws, buckets["LandingBucket"], StorageClass="STANDARD_IA")
    for s3 in clients.values():
        check_readable(s3, version)


def test_the_own_key_is_named_if_its_policy_does_not_allow_the_role_any_more(aws, clients, buckets, own_key):
    version = put(aws, buckets["LandingBucket"], ServerSideEncryption="aws:kms", SSEKMSKeyId=own_key)
    check_readable(clients["ValidateRole"], version)
    elsewhere = allow("kms:*", "*", Principal={"AWS": f"arn:aws:iam::{aws.account}:role/other"})
    aws.client("kms").put_key_policy(KeyId=own_key, PolicyName="default", Policy=make_policy(elsewhere))
    with pytest.raises(UnreadableObjectError) as caught:
        check_readable(clients["ValidateRole"], version)
    assert caught.value.key == own_key


@pytest.mark.parametrize("action", ["s3:GetObjectVersion"])
def test_a_permission_that_the_role_lacks_is_another_error(aws, buckets, own_key, action):
    version = put(aws, buckets["LandingBucket"], ServerSideEncryption="aws:kms", SSEKMSKeyId=own_key)
    s3 = assume_template_role(aws, "ValidateRole", buckets, own_key, without=action).client("s3")
    with pytest.raises(ClientError, match="AccessDenied"):
        check_readable(s3, version)
