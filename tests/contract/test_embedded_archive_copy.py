"""The archive's copy is written once: S3 refuses a second copy, and the first is not changed."""

import hashlib
import io
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from seqdrop.aws import multipart
from seqdrop.aws.s3 import protect_existing_copies
from seqdrop.errors import ArchiveMismatchError, ObjectGoneError
from seqdrop.ledger.records import Upload
from seqdrop.stages.archive import cold_copy, receipts
from seqdrop.uploads import UploadVersion

from local.testing import make_bucket

pytest_plugins = ["local.fixtures"]


class TestInParts:
    """A copy in parts, as for files above 5 GB; here above 6 MB, in parts of 5 MB, the smallest that S3 accepts."""

    @pytest.fixture
    def bench(self, aws, monkeypatch):
        """Return a client, an upload of 12 MB in the state after validation, and the bucket of copies."""
        monkeypatch.setattr(multipart, "WHOLE", 6_000_000)
        monkeypatch.setattr(multipart, "PART", 5 << 20)
        landing, cold = make_bucket(aws, versioned=True), make_bucket(aws, versioned=True)
        s3, body = aws.session().client("s3"), random.Random(1).randbytes(12_000_000)
        key = "raw/a b+é.fastq"
        properties = {"ContentType": "text/x-fastq", "Metadata": {"run": "7"}, "Tagging": "lab=one+two"}
        put = s3.put_object(Bucket=landing, Key=key, Body=body, **properties)
        digests = multipart.PartDigests(io.BytesIO(body))
        while digests.read(700_001):
            pass
        upload = Upload.from_version(UploadVersion(landing, key, put["VersionId"], len(body), "e"), "raw")
        return s3, replace(upload, sha256=hashlib.sha256(body).hexdigest(), sha256_of_parts=digests.sha256), cold

    def test_it_is_verified_with_the_checksum_of_the_bytes_that_were_read(self, bench):
        s3, upload, cold = bench
        cold_copy.copy(s3, upload, cold)
        proof = cold_copy.find_verified_copy(s3, upload, cold)
        assert (proof["sha256_of_parts"], proof["storage_class"]) == (upload.sha256_of_parts, "DEEP_ARCHIVE")
        assert proof["sha256_of_parts"].endswith("-3")
        receipt = receipts.make_receipt(upload, proof, "now")
        assert receipt["landing"]["sha256"] == upload.sha256
        assert receipt["landing"]["part_size"] == 5 << 20

    def test_metadata_and_tags_are_copied(self, bench):
        s3, upload, cold = bench
        cold_copy.copy(s3, upload, cold)
        location = {"Bucket": cold, "Key": cold_copy.archive_key(upload)}
        head = s3.head_object(**location)
        assert (head["ContentType"], head["Metadata"]) == ("text/x-fastq", {"run": "7"})
        assert s3.get_object_tagging(**location)["TagSet"] == [{"Key": "lab", "Value": "one two"}]

    def test_a_second_copy_is_refused_and_leaves_no_upload(self, bench):
        s3, upload, cold = bench
        cold_copy.copy(s3, upload, cold)
        first = cold_copy.find_verified_copy(s3, upload, cold)
        cold_copy.copy(s3, upload, cold)
        assert cold_copy.find_verified_copy(s3, upload, cold) == first
        assert len(s3.list_object_versions(Bucket=cold)["Versions"]) == 1
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=cold)

    def test_other_bytes_are_a_mismatch(self, bench):
        s3, upload, cold = bench
        other = replace(upload, sha256_of_parts=hashlib.sha256(b"other").hexdigest() + "-3")
        cold_copy.copy(s3, upload, cold)
        with pytest.raises(ArchiveMismatchError):
            cold_copy.find_verified_copy(s3, other, cold)

    def test_a_deleted_file_raises_gone_and_leaves_no_upload(self, bench):
        s3, upload, cold = bench
        s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
        with pytest.raises(ObjectGoneError):
            cold_copy.copy(s3, upload, cold)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=cold)

    def test_after_a_failed_part_the_others_are_kept_and_the_copy_is_continued(self, bench, monkeypatch):
        s3, upload, cold = bench
        copy_part, copied = s3.upload_part_copy, []

        def fail_second_part(**request):
            if request["PartNumber"] == 2 and not failed:
                failed.append(2)
                raise ClientError({"Error": {"Code": "SlowDown"}}, "UploadPartCopy")
            copied.append(request["PartNumber"])
            return copy_part(**request)

        failed = []
        monkeypatch.setattr(s3, "upload_part_copy", fail_second_part)
        with pytest.raises(ClientError, match="SlowDown"):
            cold_copy.copy(s3, upload, cold)
        assert cold_copy.find_verified_copy(s3, upload, cold) is None
        assert cold_copy.copy(s3, upload, cold)
        assert sorted(copied) == [1, 2, 3]
        assert cold_copy.find_verified_copy(s3, upload, cold)["s3_checksum"]["type"] == "COMPOSITE"
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=cold)

    def test_a_flipped_byte_in_a_finished_part_is_caught_and_the_source_stays(self, bench):
        """The part was copied from other bytes, as if S3 had damaged it."""
        s3, upload, cold = bench
        source = {"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version_id}
        body = bytearray(s3.get_object(**source)["Body"].read())
        body[5 << 20] ^= 1
        other = {"Bucket": upload.bucket, "Key": "raw/flipped"}
        s3.put_object(**other, Body=bytes(body))
        place = {"Bucket": cold, "Key": cold_copy.archive_key(upload)}
        begun = s3.create_multipart_upload(**place, ChecksumAlgorithm="SHA256", StorageClass="DEEP_ARCHIVE")
        s3.upload_part_copy(
            **place, UploadId=begun["UploadId"], PartNumber=2, CopySource=other,
            CopySourceRange=f"bytes={5 << 20}-{(10 << 20) - 1}",
        )  # fmt: skip
        assert cold_copy.copy(s3, upload, cold)
        with pytest.raises(ArchiveMismatchError, match="sha256_of_parts is"):
            cold_copy.find_verified_copy(s3, upload, cold)
        assert s3.head_object(**source)["ContentLength"] == upload.size

    def test_a_copy_for_which_the_time_does_not_suffice_is_continued(self, bench):
        s3, upload, cold = bench
        times = iter([900, 10, 10])
        assert not cold_copy.copy(s3, upload, cold, seconds_left=lambda: next(times))
        assert cold_copy.find_verified_copy(s3, upload, cold) is None
        assert cold_copy.copy(s3, upload, cold)
        assert cold_copy.find_verified_copy(s3, upload, cold)["sha256_of_parts"] == upload.sha256_of_parts


class TestLockedBucket:
    """The archive bucket with Object Lock: copies are protected, and their receipts say until when."""

    @pytest.fixture
    def bench(self, aws, monkeypatch):
        monkeypatch.setattr(multipart, "WHOLE", 6_000_000)
        monkeypatch.setattr(multipart, "PART", 5 << 20)
        landing, cold = make_bucket(aws, versioned=True), make_bucket(aws, versioned=True)
        s3 = aws.session().client("s3")
        rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 400}}
        s3.put_object_lock_configuration(
            Bucket=cold, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
        return s3, landing, cold

    @pytest.mark.parametrize("size", [4, 7_000_000], ids=["whole", "parts"])
    def test_a_copy_is_protected_and_its_receipt_names_the_retention(self, bench, size):
        s3, landing, cold = bench
        body = b"A" * size
        put = s3.put_object(Bucket=landing, Key="raw/a.fastq", Body=body)
        digests = multipart.PartDigests(io.BytesIO(body), size)
        digests.read()
        upload = Upload.from_version(UploadVersion(landing, "raw/a.fastq", put["VersionId"], size, "e"), "raw")
        upload = replace(upload, sha256=hashlib.sha256(body).hexdigest(), sha256_of_parts=digests.sha256)
        cold_copy.copy(s3, upload, cold)
        proof = cold_copy.find_verified_copy(s3, upload, cold)
        assert proof["retention"]["mode"] == "COMPLIANCE"
        until = datetime.fromisoformat(proof["retention"]["until"]) - datetime.now(UTC)
        assert timedelta(days=399) < until <= timedelta(days=400)
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.delete_object(Bucket=cold, Key=proof["key"], VersionId=proof["version_id"])


@pytest.mark.long
def test_a_copy_of_200_mb_that_dies_twice_copies_each_of_its_parts_once(aws, monkeypatch):
    """In 40 parts of 5 MiB, ten at a time, as for files above 5 GB."""
    monkeypatch.setattr(multipart, "WHOLE", 6_000_000)
    monkeypatch.setattr(multipart, "PART", 5 << 20)
    landing, cold = make_bucket(aws, versioned=True), make_bucket(aws, versioned=True)
    s3, body = aws.session().client("s3"), random.Random(2).randbytes(200 << 20)
    version = s3.put_object(Bucket=landing, Key="raw/large.bam", Body=body)["VersionId"]
    digests = multipart.PartDigests(io.BytesIO(body), len(body))
    while digests.read(8 << 20):
        pass
    upload = Upload.from_version(UploadVersion(landing, "raw/large.bam", version, len(body), "e"), "raw")
    upload = replace(upload, sha256=hashlib.sha256(body).hexdigest(), sha256_of_parts=digests.sha256)
    copy_part, copied, deaths = s3.upload_part_copy, [], []

    def die_at_times(**request):
        if deaths and len(copied) >= deaths[0]:
            deaths.pop(0)
            raise KeyboardInterrupt
        response = copy_part(**request)
        copied.append(request["PartNumber"])
        return response

    monkeypatch.setattr(s3, "upload_part_copy", die_at_times)
    for _ in range(2):
        deaths.append(len(copied) + 7)
        with pytest.raises(KeyboardInterrupt):
            cold_copy.copy(s3, upload, cold)
    before = len(copied)
    assert 14 <= before < 40
    assert cold_copy.copy(s3, upload, cold)
    assert sorted(copied) == list(range(1, 41))
    proof = cold_copy.find_verified_copy(s3, upload, cold)
    assert proof["sha256_of_parts"].endswith("-40")
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=cold)
    stored = s3.list_object_versions(Bucket=cold)["Versions"]
    assert [(entry["Size"], entry["StorageClass"]) for entry in stored] == [(len(body), "DEEP_ARCHIVE")]


def test_a_second_copy_is_refused(aws):
    landing, cold = make_bucket(aws, versioned=True), make_bucket(aws, versioned=True)
    s3 = aws.session().client("s3")
    protect_existing_copies(s3)
    put = s3.put_object(Bucket=landing, Key="raw/a.fastq", Body=b"ACGT")
    upload = Upload.from_version(UploadVersion(landing, "raw/a.fastq", put["VersionId"], 4, "e"), "raw")
    upload = Upload(**{**upload.__dict__, "sha256": hashlib.sha256(b"ACGT").hexdigest()})
    cold_copy.copy(s3, upload, cold)
    first = cold_copy.find_verified_copy(s3, upload, cold)
    cold_copy.copy(s3, upload, cold)
    assert cold_copy.find_verified_copy(s3, upload, cold) == first
    assert len(s3.list_object_versions(Bucket=cold)["Versions"]) == 1
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.copy_object(
            Bucket=cold, Key=cold_copy.archive_key(upload), CopySource={"Bucket": landing, "Key": "raw/a.fastq"}
        )
