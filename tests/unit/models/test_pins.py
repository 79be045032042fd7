"""An object is used only if it has the bytes that its pointer names, in whatever way it was written."""

import hashlib

import pytest
from botocore.exceptions import ClientError
from seqdrop.errors import JobRefusedError
from seqdrop.models.archives import current_archive, push_archive
from seqdrop.models.code_bundles import current_code, current_program, push_code, push_program
from seqdrop.models.pins import checksum_of, hash_object, is_intact, pin

from local.testing import make_model_archive

BODY, OTHER = b"the bytes that were pushed", b"bytes of somebody else...."
DIGEST = hashlib.sha256(BODY).hexdigest()
KEY = "models/m/archive"
CONFIG = {"config.json": "{}"}


@pytest.fixture
def s3(services):
    return services.s3


def put(s3, body: bytes, **fields) -> str:
    return s3.put_object(Bucket="models", Key=KEY, Body=body, **fields)["ETag"].strip('"')


def test_the_checksum_of_s3_is_compared_without_a_read(s3):
    etag = put(s3, BODY, ChecksumSHA256=checksum_of(DIGEST))
    assert pin(s3, "models", KEY, DIGEST, largest_read=0) == etag


def test_an_object_that_was_copied_by_hand_is_read(s3):
    etag = put(s3, BODY)
    assert pin(s3, "models", KEY, DIGEST) == etag


@pytest.mark.parametrize("checksum", [{}, {"ChecksumSHA256": checksum_of(hashlib.sha256(OTHER).hexdigest())}])
def test_other_bytes_are_refused(s3, checksum):
    put(s3, OTHER, **checksum)
    with pytest.raises(JobRefusedError, match=f"not have the SHA-256 of its pointer \\({DIGEST}\\)"):
        pin(s3, "models", KEY, DIGEST)
    assert not is_intact(s3, "models", KEY, DIGEST)


def test_the_etag_of_the_pointer_decides_for_an_object_without_sha256(s3):
    etag = put(s3, BODY)
    assert pin(s3, "models", KEY, DIGEST, etag, largest_read=0) == etag
    put(s3, OTHER)
    with pytest.raises(JobRefusedError, match="does not have the SHA-256"):
        pin(s3, "models", KEY, DIGEST, etag, largest_read=0)


def test_a_sha256_of_s3_prevails_over_the_etag_of_the_pointer(s3):
    etag = put(s3, OTHER, ChecksumSHA256=checksum_of(hashlib.sha256(OTHER).hexdigest()))
    with pytest.raises(JobRefusedError, match="does not have the SHA-256"):
        pin(s3, "models", KEY, DIGEST, etag)


def test_a_large_object_without_any_checksum_is_refused(s3):
    put(s3, BODY)
    with pytest.raises(JobRefusedError, match="no SHA-256 in S3"):
        pin(s3, "models", KEY, DIGEST, largest_read=len(BODY) - 1)


def test_an_absent_object_is_refused(s3):
    with pytest.raises(JobRefusedError, match="there is no s3://models/models/m/archive"):
        pin(s3, "models", KEY, DIGEST)


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(s3):
    etag = put(s3, BODY)
    put(s3, OTHER)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        hash_object(s3, "models", KEY, etag)


class TestPushes:
    """Pushes write checksums with which jobs need no read, and repair what was replaced."""

    def test_an_archive(self, s3):
        body = make_model_archive(CONFIG)
        archive = push_archive(s3, "models", "m", body, "t1")
        assert pin(s3, "models", archive.key, archive.digest, largest_read=0)
        s3.put_object(Bucket="models", Key=archive.key, Body=OTHER)
        with pytest.raises(JobRefusedError):
            current_archive(s3, "models", "m").pinned(s3, "models")
        push_archive(s3, "models", "m", body, "t2")
        assert current_archive(s3, "models", "m").pinned(s3, "models").digest == archive.digest

    def test_the_code_of_trainings(self, s3):
        program = push_program(s3, "models", "protein", BODY, "t1")
        program.check(s3, "models")
        s3.put_object(Bucket="models", Key=f"{program.prefix}sourcedir.tar.gz", Body=OTHER)
        with pytest.raises(JobRefusedError):
            current_program(s3, "models", "protein").check(s3, "models")
        push_program(s3, "models", "protein", BODY, "t2")
        program.check(s3, "models")

    def test_the_code_of_processing_jobs(self, s3):
        code = push_code(s3, "models", BODY, "t1")
        key = f"{code.prefix}packages.zip"
        assert pin(s3, "models", key, DIGEST, largest_read=0)
        s3.put_object(Bucket="models", Key=key, Body=OTHER)
        push_code(s3, "models", BODY, "t2")
        assert pin(s3, "models", key, DIGEST, largest_read=0)
        assert current_code(s3, "models") == code
