"""What S3 refuses until a person changes something: the file stays, the lab gets one mail, and the error says what."""

from dataclasses import replace

import boto3
import pytest
from botocore.exceptions import ClientError
from seqdrop.errors import ArchiveMismatchError, ArchiveRefusedError
from seqdrop.stages.archive.archive import archive

from tests.unit.stages.archive import test_large_copies as large_copies
from tests.unit.stages.archive.test_archive import list_keys, upload  # noqa: F401 - a fixture
from tests.unit.stages.archive.test_large_copies import BODY, small_parts  # noqa: F401 - a fixture
from tests.unit.stages.archive.test_large_copies import upload as large_upload  # noqa: F401 - a fixture

KMS = "User: arn:aws:sts::1:assumed-role/archive is not authorized to perform: kms:GenerateDataKey on resource: key"
LOCK = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters"
REFUSALS = {
    "the role may not use the key": ("copy_object", "CopyObject", "AccessDenied", KMS, "KMS key", True),
    "the key is disabled": ("copy_object", "CopyObject", "KMS.DisabledException", "disabled", "KMS key", True),
    "a policy denies the copy": ("copy_object", "CopyObject", "AccessDenied", "Access Denied", "may not write", True),
    "the region lacks the class": ("copy_object", "CopyObject", "InvalidStorageClass", "", "storage_class", False),
    "the lock refuses the copy": ("copy_object", "CopyObject", "InvalidRequest", LOCK, "ArchiveLockDays", False),
    "the landing version is locked": ("delete_object", "DeleteObject", "AccessDenied", "locked", "legal hold", True),
}


class Refusing:
    """A client that refuses one operation."""

    def __init__(self, name: str, operation: str, code: str, message: str):
        self._real, self._name = boto3.client("s3"), name
        self._error = ClientError({"Error": {"Code": code, "Message": message}}, operation)

    def __getattr__(self, name):
        if name != self._name:
            return getattr(self._real, name)

        def refuse(**_):
            raise self._error

        return refuse


@pytest.mark.parametrize("case", sorted(REFUSALS))
def test_the_file_stays_and_the_lab_gets_one_mail(services, upload, sent, case):  # noqa: F811
    name, operation, code, message, expected, retryable = REFUSALS[case]
    refusing = replace(services, s3=Refusing(name, operation, code, message))
    for _ in range(3):
        with pytest.raises(ArchiveRefusedError) as caught:
            archive(refusing, upload.id)
    assert caught.value.retryable is retryable
    assert expected in str(caught.value)
    assert list_keys(services, "landing") == [upload.key]
    assert services.ledger.require_upload(upload.id).state == "VALIDATED"
    (mail,) = [mail for queue, mail in sent if queue == "topic"]
    assert mail["Subject"] == f"Seqdrop cannot archive {upload.key}"
    assert code in mail["Message"]
    assert expected in mail["Message"]
    assert "seqdrop redrive archive --yes" in mail["Message"]
    archive(services, upload.id)  # when it is repaired
    assert services.ledger.require_upload(upload.id).state == "ARCHIVED"
    assert len(list_keys(services, "archive")) == 1


@pytest.mark.parametrize("code", ["SlowDown", "InternalError", "KMS.ThrottlingException"])
def test_what_ends_by_itself_is_not_mailed(services, upload, sent, code):  # noqa: F811
    refusing = replace(services, s3=Refusing("copy_object", "CopyObject", code, ""))
    with pytest.raises(ClientError, match=code):
        archive(refusing, upload.id)
    assert sent == []


@pytest.fixture
def large(services, large_upload):  # noqa: F811
    """The services, and an upload that is copied in parts, and half of its parts are there."""
    s3 = large_copies.S3(boto3.client("s3"))
    s3.failing = {("upload_part_copy", 6): KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        archive(replace(services, s3=s3), large_upload.id)
    return replace(services, s3=s3), large_upload


def test_a_flipped_byte_in_a_finished_part_is_caught_and_the_source_survives(large, cloud, sent):
    services, upload = large  # noqa: F811
    (unfinished,) = cloud.s3.unfinished.values()
    body = bytearray(unfinished.parts[3])
    body[7] ^= 1
    unfinished.parts[3] = bytes(body)
    for _ in range(2):
        with pytest.raises(ArchiveMismatchError, match="sha256_of_parts is"):
            archive(services, upload.id)
    assert services.s3.get_object(Bucket="landing", Key=upload.key)["Body"].read() == BODY
    assert services.ledger.require_upload(upload.id).state == "VALIDATED"
    assert [mail["Subject"] for _, mail in sent] == [f"Seqdrop could not verify the archive of {upload.key}"]


def test_a_newer_version_of_the_source_does_not_change_the_copy(large):
    services, upload = large  # noqa: F811
    services.s3.put_object(Bucket="landing", Key=upload.key, Body=b"newer")
    archive(services, upload.id)
    archived = services.ledger.require_upload(upload.id)
    assert archived.state == "ARCHIVED"
    assert services.s3.head_object(Bucket="archive", Key=archived.archive_key)["ContentLength"] == len(BODY)
    assert services.s3.get_object(Bucket="landing", Key=upload.key)["Body"].read() == b"newer"
