"""The archive's copy is made once: a second one is refused by S3 itself, and the first stays as it was."""

import hashlib

import pytest
from botocore.exceptions import ClientError
from seqdrop import archive
from seqdrop.ledger.records import Upload
from seqdrop.uploads import UploadVersion

from local.testing import make_bucket

pytest_plugins = ["local.fixtures"]


def test_a_second_copy_is_refused(aws):
    landing, cold = make_bucket(aws, versioned=True), make_bucket(aws, versioned=True)
    s3 = aws.session().client("s3")
    archive.never_over_a_copy(s3)
    put = s3.put_object(Bucket=landing, Key="raw/a.fastq", Body=b"ACGT")
    upload = Upload.received(UploadVersion(landing, "raw/a.fastq", put["VersionId"], 4, "e"), "raw")
    upload = Upload(**{**upload.__dict__, "sha256": hashlib.sha256(b"ACGT").hexdigest()})
    archive.copy(s3, upload, cold)
    first = archive.verified_copy(s3, upload, cold)
    archive.copy(s3, upload, cold)
    assert archive.verified_copy(s3, upload, cold) == first
    assert len(s3.list_object_versions(Bucket=cold)["Versions"]) == 1
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.copy_object(
            Bucket=cold, Key=archive.archive_key(upload), CopySource={"Bucket": landing, "Key": "raw/a.fastq"}
        )
