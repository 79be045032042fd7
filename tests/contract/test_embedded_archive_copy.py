"""The archive's copy is made once: a second one is refused by S3 itself, and the first stays as it was."""

import hashlib
import io
import random
from dataclasses import replace

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
    """As a file above 5 GB is copied; here above 6 MB, in parts of 5 MB, which is the least that S3 takes."""

    @pytest.fixture
    def copied(self, aws, monkeypatch):
        """A client, the upload of 12 MB as it stands once it is validated, and the bucket of copies."""
        monkeypatch.setattr(multipart, "WHOLE", 6_000_000)
        monkeypatch.setattr(multipart, "PART", 5 << 20)
        landing, cold = make_bucket(aws, versioned=True), make_bucket(aws, versioned=True)
        s3, body = aws.session().client("s3"), random.Random(1).randbytes(12_000_000)
        key = "raw/a b+é.fastq"
        about = {"ContentType": "text/x-fastq", "Metadata": {"run": "7"}, "Tagging": "lab=one+two"}
        put = s3.put_object(Bucket=landing, Key=key, Body=body, **about)
        digests = multipart.PartDigests(io.BytesIO(body))
        while digests.read(700_001):
            pass
        upload = Upload.from_version(UploadVersion(landing, key, put["VersionId"], len(body), "e"), "raw")
        return s3, replace(upload, sha256=hashlib.sha256(body).hexdigest(), sha256_of_parts=digests.sha256), cold

    def test_it_is_proven_by_what_was_read(self, copied):
        s3, upload, cold = copied
        cold_copy.copy(s3, upload, cold)
        found = cold_copy.find_verified_copy(s3, upload, cold)
        assert (found["sha256_of_parts"], found["storage_class"]) == (upload.sha256_of_parts, "DEEP_ARCHIVE")
        assert found["sha256_of_parts"].endswith("-3")
        receipt = receipts.make_receipt(upload, found, "now")
        assert receipt["landing"]["sha256"] == upload.sha256
        assert receipt["landing"]["part_size"] == 5 << 20

    def test_what_s3_knew_of_the_file_goes_along(self, copied):
        s3, upload, cold = copied
        cold_copy.copy(s3, upload, cold)
        place = {"Bucket": cold, "Key": cold_copy.archive_key(upload)}
        head = s3.head_object(**place)
        assert (head["ContentType"], head["Metadata"]) == ("text/x-fastq", {"run": "7"})
        assert s3.get_object_tagging(**place)["TagSet"] == [{"Key": "lab", "Value": "one two"}]

    def test_a_second_copy_is_refused_and_leaves_nothing(self, copied):
        s3, upload, cold = copied
        cold_copy.copy(s3, upload, cold)
        first = cold_copy.find_verified_copy(s3, upload, cold)
        cold_copy.copy(s3, upload, cold)
        assert cold_copy.find_verified_copy(s3, upload, cold) == first
        assert len(s3.list_object_versions(Bucket=cold)["Versions"]) == 1
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=cold)

    def test_other_bytes_are_no_proof(self, copied):
        s3, upload, cold = copied
        other = replace(upload, sha256_of_parts=hashlib.sha256(b"other").hexdigest() + "-3")
        cold_copy.copy(s3, upload, cold)
        with pytest.raises(ArchiveMismatchError):
            cold_copy.find_verified_copy(s3, other, cold)

    def test_a_file_that_went_is_gone_and_leaves_nothing(self, copied):
        s3, upload, cold = copied
        s3.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
        with pytest.raises(ObjectGoneError):
            cold_copy.copy(s3, upload, cold)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=cold)

    def test_a_part_that_fails_ends_the_upload(self, copied, monkeypatch):
        s3, upload, cold = copied
        copy_part = s3.upload_part_copy

        def failing(**request):
            if request["PartNumber"] == 2:
                raise ClientError({"Error": {"Code": "SlowDown"}}, "UploadPartCopy")
            return copy_part(**request)

        monkeypatch.setattr(s3, "upload_part_copy", failing)
        with pytest.raises(ClientError, match="SlowDown"):
            cold_copy.copy(s3, upload, cold)
        assert "Uploads" not in s3.list_multipart_uploads(Bucket=cold)
        assert cold_copy.find_verified_copy(s3, upload, cold) is None


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
