"""The composite SHA-256 that S3 reports for an object copied in parts, computed while the object is read."""

import hashlib
import io
from unittest.mock import patch

from hypothesis import given, settings
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
