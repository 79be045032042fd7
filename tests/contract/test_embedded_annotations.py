"""Annotations of an object reach its copy, made in one call or in parts, before the original is deleted."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
from seqdrop.aws import multipart
from seqdrop.ledger.records import Upload
from seqdrop.stages.archive import annotations, cold_copy, receipts
from seqdrop.uploads import UploadVersion

from local.testing import expect_error, make_bucket
from tests.support.roles import assume_template_role

pytest_plugins = ["local.fixtures"]

BODY = b"ACGT" * 25
TEXTS = {f"note_{word}": f'{{"é": "{word}"}}' for word in ("a", "b", "c")}


@pytest.fixture
def buckets(aws) -> dict[str, str]:
    return {"LandingBucket": make_bucket(aws, versioned=True), "ArchiveBucket": make_bucket(aws, versioned=True)}


@pytest.fixture
def root(aws):
    return aws.client("s3")


@pytest.fixture
def upload(root, buckets) -> Upload:
    """Return a validated upload with annotations. A newer version of its key has other ones."""
    landing, key = buckets["LandingBucket"], "raw/a b+é.fastq"
    versions = [root.put_object(Bucket=landing, Key=key, Body=body)["VersionId"] for body in (BODY, b"newer")]
    for version, texts in zip(versions, (TEXTS, {"other": "x"}), strict=True):
        for name, text in texts.items():
            place = {"Bucket": landing, "Key": key, "VersionId": version}
            root.put_object_annotation(**place, AnnotationName=name, AnnotationPayload=text.encode())
    digest = hashlib.sha256(BODY).digest()
    return replace(
        Upload.from_version(UploadVersion(landing, key, versions[0], len(BODY), "e"), "raw"),
        sha256=digest.hex(),
        sha256_of_parts=hashlib.sha256(digest).hexdigest() + "-1",
    )


@pytest.fixture
def s3(aws, buckets):
    """Return a client with the permissions of the archive function."""
    return assume_template_role(aws, "ArchiveRole", buckets).client("s3")


@pytest.fixture
def in_parts(monkeypatch) -> None:
    monkeypatch.setattr(multipart, "WHOLE", 10)


def read(root, bucket: str, key: str) -> dict[str, str]:
    names = [entry["AnnotationName"] for entry in root.list_object_annotations(Bucket=bucket, Key=key)["Annotations"]]
    return {
        name: root.get_object_annotation(Bucket=bucket, Key=key, AnnotationName=name)["AnnotationPayload"]
        .read()
        .decode()
        for name in names
    }


def archive(s3, upload: Upload, bucket: str) -> dict:
    """Copy, verify and complete an upload as the archive stage does; return its receipt."""
    cold_copy.copy(s3, upload, bucket)
    copy = cold_copy.find_verified_copy(s3, upload, bucket)
    return receipts.make_receipt(upload, annotations.carry_annotations(s3, upload, copy), "now")


def test_a_copy_in_one_call_has_them(root, s3, upload, buckets):
    receipt = archive(s3, upload, buckets["ArchiveBucket"])
    assert read(root, buckets["ArchiveBucket"], cold_copy.archive_key(upload)) == TEXTS
    assert "annotations" not in receipt["archive"]


@pytest.mark.usefixtures("in_parts")
class TestInParts:
    def test_they_are_copied_and_the_receipt_names_them(self, root, s3, upload, buckets):
        receipt = archive(s3, upload, buckets["ArchiveBucket"])
        assert read(root, buckets["ArchiveBucket"], cold_copy.archive_key(upload)) == TEXTS
        assert receipt["archive"]["annotations"] == sorted(TEXTS)

    def test_without_annotations_the_receipt_has_no_entry(self, root, s3, upload, buckets):
        for name in TEXTS:
            place = {"Bucket": upload.bucket, "Key": upload.key, "VersionId": upload.version_id}
            root.delete_object_annotation(**place, AnnotationName=name)
        assert "annotations" not in archive(s3, upload, buckets["ArchiveBucket"])["archive"]

    def test_after_a_crash_between_two_annotations_the_next_delivery_completes_them(
        self, root, s3, upload, buckets, monkeypatch
    ):
        put, calls = s3.put_object_annotation, []

        def die_at_the_second(**request):
            calls.append(request)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return put(**request)

        monkeypatch.setattr(s3, "put_object_annotation", die_at_the_second)
        monkeypatch.setattr(annotations, "PARALLEL", 1)
        with pytest.raises(KeyboardInterrupt):
            archive(s3, upload, buckets["ArchiveBucket"])
        monkeypatch.setattr(s3, "put_object_annotation", put)
        assert archive(s3, upload, buckets["ArchiveBucket"])["archive"]["annotations"] == sorted(TEXTS)
        assert read(root, buckets["ArchiveBucket"], cold_copy.archive_key(upload)) == TEXTS

    def test_after_the_original_was_deleted_the_receipt_is_the_same(self, root, s3, upload, buckets):
        first = archive(s3, upload, buckets["ArchiveBucket"])
        root.delete_object(Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id)
        copy = cold_copy.find_verified_copy(s3, upload, buckets["ArchiveBucket"])
        assert receipts.make_receipt(upload, annotations.carry_annotations(s3, upload, copy), "now") == first

    def test_with_an_sdk_that_does_not_know_annotations_the_receipt_says_so(self, s3, upload, buckets):
        cold_copy.copy(s3, upload, buckets["ArchiveBucket"])
        copy = cold_copy.find_verified_copy(s3, upload, buckets["ArchiveBucket"])
        old = SimpleNamespace(head_object=s3.head_object)
        assert annotations.carry_annotations(old, upload, copy) == {**copy, "annotations": annotations.UNKNOWN}


@pytest.mark.parametrize("action", ["s3:GetObjectVersionAnnotation", "s3:PutObjectAnnotation"])
def test_a_copy_of_annotations_needs_their_permissions(aws, upload, buckets, action):
    """Without the permission on either side the copy is refused, as S3's documentation of CopyObject says."""
    client = assume_template_role(aws, "ArchiveRole", buckets, without=action).client("s3")
    with expect_error("AccessDenied", action):
        cold_copy.copy(client, upload, buckets["ArchiveBucket"])
