"""The composite SHA-256 that S3 reports for an object copied in parts, computed while the object is read."""

import hashlib
import io
import itertools
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seqdrop.aws import multipart
from seqdrop.kinds.plans import packaged
from seqdrop.uploads import UploadVersion
from seqdrop.work.examine import ExaminationRequest, examine

FASTQ = b"@r1\nACGTACGTAC\n+\nIIIIIIIIII\n"


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=400), st.integers(1, 90), st.integers(1, 120))
def test_it_is_the_checksum_of_the_parts_of_a_copy(body, part, read):
    with patch.object(multipart, "PART", part):
        ranges = list(multipart.part_ranges(len(body)))
        stream, content = multipart.PartDigests(io.BytesIO(body)), b""
        while block := stream.read(read):
            content += block
        checksum = stream.sha256
    pieces = [body[first : last + 1] for _, first, last in ranges]
    assert content == b"".join(pieces) == body
    assert [number for number, _, _ in ranges] == list(range(1, len(pieces) + 1))
    digests = b"".join(hashlib.sha256(piece).digest() for piece in pieces)
    assert checksum == f"{hashlib.sha256(digests).hexdigest()}-{len(pieces)}"
    assert stream.sha256 == checksum


def test_the_largest_file_has_at_most_as_many_parts_as_s3_allows():
    assert len(list(multipart.part_ranges(100_000_000_000))) <= 10_000
    assert not multipart.needs_multipart(5_000_000_000)
    assert multipart.needs_multipart(5_000_000_001)


def test_only_large_files_have_it(services, monkeypatch):
    put = services.s3.put_object(Bucket="landing", Key="raw/a.fastq", Body=FASTQ)
    version = UploadVersion("landing", "raw/a.fastq", put["VersionId"], len(FASTQ), put["ETag"].strip('"'))
    analysis = packaged().by_name["raw"]
    assert examine(services.s3, "work", ExaminationRequest(version, analysis)).facts["sha256_of_parts"] == ""
    monkeypatch.setattr(multipart, "WHOLE", len(FASTQ) - 1)
    digest = hashlib.sha256(hashlib.sha256(FASTQ).digest()).hexdigest()
    assert examine(services.s3, "work", ExaminationRequest(version, analysis)).facts["sha256_of_parts"] == f"{digest}-1"


@settings(deadline=None, derandomize=True)
@given(st.integers(1, multipart.MOST_BYTES))
@example(multipart.MOST_BYTES)
@example(multipart.PART * multipart.MOST_PARTS)
@example(multipart.PART * multipart.MOST_PARTS + 1)
def test_a_part_plan_keeps_the_limits_of_s3_up_to_50_tb(size):
    ranges, step = list(multipart.part_ranges(size)), multipart.part_size(size)
    assert len(ranges) <= 10_000
    assert ranges[0][1] == 0
    assert ranges[-1] == (len(ranges), (len(ranges) - 1) * step, size - 1)
    assert all(after[1] == before[2] + 1 for before, after in itertools.pairwise(ranges))
    assert {last - first + 1 for _, first, last in ranges[:-1]} <= {step}
    assert 5 << 20 <= step <= 5 << 30
    assert step % (1 << 20) == 0


@given(st.integers(0, multipart.PART * multipart.MOST_PARTS))
def test_parts_have_the_size_of_earlier_versions_while_it_suffices(size):
    """Stored checksums of parts were computed with it."""
    assert multipart.part_size(size) == 256 << 20


def test_a_larger_object_has_no_plan():
    with pytest.raises(ValueError, match="50,000,000,000,001 bytes"):
        multipart.part_size(multipart.MOST_BYTES + 1)


def test_the_reading_pass_divides_a_file_as_its_copy_does(monkeypatch):
    """With a tiny PART, so that a file of 25 bytes has parts larger than it."""
    monkeypatch.setattr(multipart, "PART", 1)
    monkeypatch.setattr(multipart, "MOST_PARTS", 5)
    monkeypatch.setattr(multipart, "MIB", 2)
    body = bytes(range(25))
    pieces = [body[first : last + 1] for _, first, last in multipart.part_ranges(len(body))]
    assert [len(piece) for piece in pieces] == [6, 6, 6, 6, 1]
    stream = multipart.PartDigests(io.BytesIO(body), len(body))
    stream.read()
    digests = b"".join(hashlib.sha256(piece).digest() for piece in pieces)
    assert stream.sha256 == f"{hashlib.sha256(digests).hexdigest()}-5"
