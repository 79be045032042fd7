"""A file that is copied in parts: no finished part is copied again, whatever interrupts the copy."""

import hashlib
import io
import json
from collections import Counter
from dataclasses import replace

import boto3
import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import continued_copy, multipart
from seqdrop.aws.s3 import protect_existing_copies
from seqdrop.errors import RetryableError
from seqdrop.ledger.records import Upload
from seqdrop.stages.archive.archive import archive
from seqdrop.stages.lease import COPYING, Lease
from seqdrop.stages.reconcile.reconcile import _validated
from seqdrop.uploads import UploadVersion

BODY = bytes(range(256)) * 4
PARTS = 10
KEY = "raw/run 1/a+b.fastq"


class S3:
    """A proxy of a client. It raises the error in `failing`, by name of the call and its number; `calls` succeeded."""

    def __init__(self, real):
        protect_existing_copies(real)
        self.meta, self._real, self.calls, self.failing = real.meta, real, [], {}
        self._tries = Counter()

    def get_paginator(self, name):
        return self._real.get_paginator(name)

    def list_object_annotations(self, **request):
        return self._real.list_object_annotations(**request)

    def __getattr__(self, name):
        def call(**request):
            self._tries[name] += 1
            if error := self.failing.pop((name, self._tries[name]), None):
                raise error
            response = getattr(self._real, name)(**request)
            self.calls.append((name, request.get("PartNumber")))
            return response

        return call

    def copied(self) -> list[int]:
        return [number for name, number in self.calls if name == "upload_part_copy"]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(multipart, "WHOLE", 100)
    monkeypatch.setattr(multipart, "PART", -(-len(BODY) // PARTS))
    monkeypatch.setattr(continued_copy, "PARALLEL_PARTS", 1)


@pytest.fixture
def upload(services) -> Upload:
    put = services.s3.put_object(Bucket="landing", Key=KEY, Body=BODY, ContentType="text/x", Metadata={"run": "7"})
    version = UploadVersion("landing", KEY, put["VersionId"], len(BODY), "e")
    services.ledger.create(Upload.from_version(version, "raw"))
    digests = multipart.PartDigests(io.BytesIO(BODY), len(BODY))
    digests.read()
    facts = {"sha256": hashlib.sha256(BODY).hexdigest(), "sha256_of_parts": digests.sha256}
    services.ledger.move(services.ledger.find_upload(version.id), "VALIDATED", **facts)
    return services.ledger.find_upload(version.id)


@pytest.fixture
def s3(services):
    return S3(boto3.client("s3"))


@pytest.fixture
def both(services, s3):
    return replace(services, s3=s3)


def check_archived(services, upload, s3) -> None:
    """Check that the upload is archived, that each part was copied once, and that nothing is left of the copy."""
    archived = services.ledger.require_upload(upload.id)
    assert archived.state == "ARCHIVED"
    assert sorted(s3.copied()) == list(range(1, PARTS + 1))
    (version,) = services.s3.list_object_versions(Bucket="archive")["Versions"]
    assert version["StorageClass"] == "DEEP_ARCHIVE"
    assert "Versions" not in services.s3.list_object_versions(Bucket="landing")
    assert not services.s3.list_multipart_uploads(Bucket="archive").get("Uploads")


def read_receipt(services, upload) -> dict:
    return json.loads(services.s3.get_object(Bucket="results", Key=f"receipts/{upload.id}.json")["Body"].read())


def test_a_large_file_is_copied_in_parts_and_its_receipt_says_how(services, both, s3, upload):
    archive(both, upload.id)
    check_archived(services, upload, s3)
    receipt = read_receipt(services, upload)
    assert receipt["landing"]["part_size"] == multipart.PART
    assert receipt["archive"]["sha256_of_parts"] == receipt["landing"]["sha256_of_parts"] == upload.sha256_of_parts
    checksum = receipt["archive"]["s3_checksum"]
    assert (checksum["algorithm"], checksum["type"], checksum["value"][-3:]) == ("SHA256", "COMPOSITE", "-10")
    head = services.s3.head_object(Bucket="archive", Key=receipt["archive"]["key"])
    assert (head["ContentType"], head["Metadata"]) == ("text/x", {"run": "7"})


@pytest.mark.parametrize("number", range(1, PARTS + 1))
def test_after_a_crash_no_finished_part_is_copied_again(services, both, s3, upload, number):
    s3.failing = {("upload_part_copy", number): KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        archive(both, upload.id)
    assert number not in s3.copied()
    archive(both, upload.id)
    check_archived(services, upload, s3)


@pytest.mark.parametrize("name", ["complete_multipart_upload", "put_object", "delete_object"])
def test_after_a_crash_behind_the_last_part_nothing_is_copied_again(services, both, s3, upload, name):
    s3.failing = {(name, 1): KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        archive(both, upload.id)
    assert services.s3.list_object_versions(Bucket="landing")["Versions"]
    archive(both, upload.id)
    check_archived(services, upload, s3)


def test_a_throttled_part_keeps_the_others(services, both, s3, upload):
    s3.failing = {
        ("upload_part_copy", 6): ClientError({"Error": {"Code": "SlowDown", "Message": ""}}, "UploadPartCopy")
    }
    with pytest.raises(ClientError, match="SlowDown"):
        archive(both, upload.id)
    archive(both, upload.id)  # the lease was given up
    check_archived(services, upload, s3)


def test_a_copy_that_takes_several_invocations_sends_the_message_of_the_next(services, both, s3, upload, sent):
    invocations = 0
    while services.ledger.require_upload(upload.id).state != "ARCHIVED":
        times = iter([900, 500, 100, *[10] * PARTS])  # enough for three parts
        archive(both, upload.id, lambda times=times: next(times))
        invocations += 1
        assert len(sent) == min(invocations, 3)
        assert invocations < 9
    assert invocations == 4
    assert [message for _, message in sent] == [{"upload": upload.id}] * 3
    check_archived(services, upload, s3)


def test_while_one_invocation_copies_others_do_nothing(services, both, s3, upload, sent):
    assert COPYING.take(services, upload)
    assert _validated(services, services.ledger.require_upload(upload.id)).messages == []
    archive(both, upload.id)
    assert (s3.copied(), sent) == ([], [])
    assert services.ledger.require_upload(upload.id).state == "VALIDATED"


def test_two_simultaneous_copies_give_one_object(services, both, s3, upload, monkeypatch):
    """The lease is switched off, so that a second invocation copies everything while the first is at its fifth part."""
    monkeypatch.setattr(Lease, "is_held", lambda self, upload: False)
    other, complete = replace(services, s3=S3(boto3.client("s3"))), s3.upload_part_copy

    def copy_part(**request):
        if request["PartNumber"] == 5:
            archive(other, upload.id)
        return complete(**request)

    monkeypatch.setattr(s3, "upload_part_copy", copy_part, raising=False)
    archive(both, upload.id)
    assert services.ledger.require_upload(upload.id).state == "ARCHIVED"
    assert len(services.s3.list_object_versions(Bucket="archive")["Versions"]) == 1
    assert not services.s3.list_multipart_uploads(Bucket="archive").get("Uploads")


def test_a_part_of_another_size_is_copied_again(services, both, s3, upload, monkeypatch):
    """An earlier version of Seqdrop, or a person, may have begun the upload."""
    key = f"raw/run 1/{upload.id}/a+b.fastq"
    begun = services.s3.create_multipart_upload(
        Bucket="archive", Key=key, ChecksumAlgorithm="SHA256", StorageClass="DEEP_ARCHIVE"
    )
    source = {"CopySource": {"Bucket": "landing", "Key": KEY}, "CopySourceRange": "bytes=0-9"}
    services.s3.upload_part_copy(Bucket="archive", Key=key, UploadId=begun["UploadId"], PartNumber=1, **source)
    archive(both, upload.id)
    check_archived(services, upload, s3)


def test_an_upload_that_another_invocation_ended_is_no_failure_of_the_copy(services, both, s3, upload, monkeypatch):
    gone = ClientError({"Error": {"Code": "NoSuchUpload", "Message": ""}}, "UploadPartCopy")
    s3.failing = {("upload_part_copy", 3): gone}
    with pytest.raises(RetryableError, match="another invocation"):
        archive(both, upload.id)


def test_a_file_that_the_lab_deletes_during_its_copy_leaves_no_parts(services, both, s3, upload):
    s3.failing = {("upload_part_copy", 4): KeyboardInterrupt()}
    with pytest.raises(KeyboardInterrupt):
        archive(both, upload.id)
    services.s3.delete_object(Bucket="landing", Key=KEY, VersionId=upload.version_id)
    archive(both, upload.id)
    assert services.ledger.require_upload(upload.id).state == "WITHDRAWN"
    assert not services.s3.list_multipart_uploads(Bucket="archive").get("Uploads")
