"""An object whose bytes S3 does not return has a reason; a missing permission of the caller is another error."""

import gzip

import pytest
from botocore.exceptions import ClientError
from seqdrop.aws.ranged_stream import RangedObject
from seqdrop.aws.readability import check_readable
from seqdrop.errors import ObjectGoneError, UnreadableObjectError
from seqdrop.uploads import UploadVersion

from tests.support.aws.errors import RefusedError

OTHER = "arn:aws:kms:us-east-1:111122223333:key/other"
SSE_C = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
UNREADABLE = {
    "archived_class": ({"StorageClass": "GLACIER"}, {"StorageClass": "DEEP_ARCHIVE"}),
    "customer_key": (SSE_C,),
    "other_kms_key": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": OTHER},),
}
CASES = [(code, properties) for code, cases in UNREADABLE.items() for properties in cases]


@pytest.fixture
def put(services):
    def put_version(body: bytes = b"0123456789", **properties) -> UploadVersion:
        put = services.s3.put_object(Bucket="landing", Key="raw/a b", Body=body, **properties)
        return UploadVersion("landing", "raw/a b", put["VersionId"], len(body), put["ETag"].strip('"'))

    return put_version


def read(s3, version: UploadVersion, part: int = 100) -> bytes:
    with RangedObject(s3, version, part) as body:
        return body.read()


@pytest.mark.parametrize(("code", "properties"), CASES)
@pytest.mark.parametrize("part", [100, 3])  # one plain GET, or ranged ones in threads
def test_reading_says_why_the_bytes_are_not_returned(services, put, code, properties, part):
    version = put(**properties)
    with pytest.raises(UnreadableObjectError) as caught:
        read(services.s3, version, part)
    error = caught.value
    assert (error.fault.code, error.upload, error.retryable) == (code, version.id, False)
    assert error.key == (OTHER if code == "other_kms_key" else "")
    assert error.fault.advice in str(error)
    assert "a b" not in str(error)


@pytest.mark.parametrize(("code", "properties"), CASES)
@pytest.mark.parametrize("body", [b"", b"ACGT"])
def test_the_check_reads_no_more_than_a_byte(services, put, cloud, code, properties, body):
    version = put(body, **properties)
    with pytest.raises(UnreadableObjectError) as caught:
        check_readable(services.s3, version)
    assert caught.value.fault.code == code


def test_a_readable_object_passes_the_check(services, put):
    check_readable(services.s3, put(b""))
    check_readable(services.s3, put(gzip.compress(b"ACGT" * 1000)))
    check_readable(services.s3, put(ServerSideEncryption="aws:kms", SSEKMSKeyId="key"))


def test_intelligent_tiering_is_readable_unless_the_object_is_in_an_archive_tier(services, put, cloud):
    version = put(StorageClass="INTELLIGENT_TIERING")
    assert read(services.s3, version) == b"0123456789"
    cloud.s3.change("landing", version.key, version.version_id, tier="ARCHIVE_ACCESS")
    with pytest.raises(UnreadableObjectError) as caught:
        read(services.s3, version)
    assert caught.value.fault.code == "archived_class"


def test_a_deleted_object_is_gone(services, put):
    version = put()
    services.s3.delete_object(Bucket="landing", Key=version.key, VersionId=version.version_id)
    with pytest.raises(ObjectGoneError):
        check_readable(services.s3, version)


def deny(monkeypatch, cloud, *operations: str, code: str = "AccessDenied") -> None:
    """Let S3 refuse these operations, as for a role without the permission."""

    def refuse(request: dict, headers: dict) -> dict:
        raise RefusedError("403" if code == "AccessDenied" and "head_object" in operations else code, "no", 403)

    for operation in operations:
        monkeypatch.setattr(cloud.s3, operation, refuse)


@pytest.mark.parametrize("operations", [("get_object", "head_object"), ("get_object",)])
def test_a_missing_permission_of_the_caller_is_no_property_of_the_object(services, put, cloud, monkeypatch, operations):
    version = put()
    deny(monkeypatch, cloud, *operations)
    for attempt in (check_readable, read):
        with pytest.raises(ClientError):
            attempt(services.s3, version)


def test_a_key_that_is_disabled_is_reported_with_its_arn(services, put, cloud, monkeypatch):
    version = put(ServerSideEncryption="aws:kms", SSEKMSKeyId="key")
    deny(monkeypatch, cloud, "get_object", code="KMS.DisabledException")
    with pytest.raises(UnreadableObjectError) as caught:
        read(services.s3, version)
    assert caught.value.key == "key"
