"""Files that are only hashed: which they are, their checksums, and what makes a BAM one of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import subprocess
import sys
import zlib
from dataclasses import replace

import pysam
import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.aws.multipart import PartDigests
from seqdrop.kinds.plans import packaged
from seqdrop.reads.checksums import Checksums
from seqdrop.reads.digest import Digest
from seqdrop.uploads import UploadVersion
from seqdrop.work import hashing
from seqdrop.work.bam_header import has_references
from seqdrop.work.examination import load
from seqdrop.work.examine import ExaminationRequest, examine, hash_upload
from seqdrop.work.hashing import hash_object, is_hashed_only

from tests.support.aws.account import Account
from tests.support.services import direct_services

RUNS, RAW = packaged().by_name["runs"], packaged().by_name["raw"]
FASTQ = b"@r1\nACGT\n+\nIIII\n"


def put(s3, key: str, body: bytes) -> UploadVersion:
    answer = s3.put_object(Bucket="landing", Key=key, Body=body)
    return UploadVersion("landing", key, answer["VersionId"], len(body), answer["ETag"].strip('"'))


@pytest.fixture
def s3():
    return direct_services(Account()).s3


def look(s3, key: str, body: bytes, analysis=RUNS):
    return examine(s3, "work", ExaminationRequest(put(s3, key, body), analysis))


def expected(body: bytes, md5: bool = False) -> Checksums:
    digest = hashlib.md5(body).hexdigest() if md5 else ""
    return Checksums(f"{zlib.crc32(body):08x}", hashlib.sha256(body).hexdigest(), digest)


# -- checksums --


@given(st.lists(st.binary(max_size=50), max_size=5), st.booleans())
def test_a_digest_has_all_checksums_of_what_passed_through_it(blocks, md5):
    source, body = iter(blocks), b"".join(block for block in blocks)
    digest = Digest(io.BytesIO(body), md5=md5)
    for block in source:
        digest.read(len(block))
    digest.drain()
    assert (digest.checksums, digest.size) == (expected(body, md5), len(body))


@pytest.mark.parametrize("size", [0, 1, 4 << 20, (4 << 20) + 1, 9_000_001])
def test_an_object_is_hashed_in_ranges_whatever_its_size(s3, size):
    body = bytes(range(256)) * (size // 256 + 1)
    version = put(s3, "runs/r/L001_1.cbcl", body[:size])
    assert hash_object(s3, version) == (expected(body[:size]), "", False)
    assert hash_object(s3, version, md5=True).checksums == expected(body[:size], md5=True)


def test_a_file_that_is_copied_in_parts_has_the_composite_sha256_too(s3, monkeypatch):
    monkeypatch.setattr(hashing, "needs_multipart", lambda size: size > 10)
    parts = PartDigests(io.BytesIO(b"x" * 11))
    parts.read()
    assert hash_object(s3, put(s3, "runs/r/a.pod5", b"x" * 11)) == (expected(b"x" * 11), parts.sha256, False)


def test_hashing_imports_no_package_of_the_reads_layer():
    code = "import sys\nfor name in ('numpy', 'isal', 'pysam', 'cffi'): sys.modules[name] = None\n"
    subprocess.run([sys.executable, "-c", code + "import seqdrop.work.hashing"], check=True)


# -- which files are only hashed --


@pytest.mark.parametrize(
    "name",
    [
        "RunInfo.xml", "InterOp/QMetricsOut.bin", "SampleSheet.csv", "Data/L001/C1.1/L001_1.cbcl", "a.pod5", "a.cram",
        "S1.fastq.ora", "S1_R1.fastq.gz.md5", "S1.fastq.zst", "CopyComplete", "report.html.gz", "a.fa.fai", "x.bam.pbi",
        "proteins.faa", "UploadCompleted.json.fastq.tar", "fastq",
    ],
)  # fmt: skip
def test_other_suffixes_than_those_of_sequences_are_only_hashed(name):
    assert is_hashed_only(RUNS, f"runs/r/{name}", 10)
    assert not is_hashed_only(RAW, f"raw/r/{name}", 10)


@pytest.mark.parametrize("name", ["S1.fastq.gz", "s1.FQ", "a.fasta", "a.fna.bgz", "hifi.bam", "a.ubam", "a.b.fa.gz"])
def test_sequences_are_checked_up_to_the_size_for_which_a_job_has_the_memory(name):
    assert not is_hashed_only(RUNS, f"runs/r/{name}", 15_000_000_000)
    assert is_hashed_only(RUNS, f"runs/r/{name}", 15_000_000_001)


def test_a_file_that_is_only_hashed_is_valid_whatever_it_contains(s3):
    for name, body in [
        ("RunInfo.xml", b"<a/>"),
        ("a.cram", b"CRAM\x03"),
        ("x", b""),
        ("y.tar", b"@not a read"),
        ("@", b">"),
    ]:
        examination = look(s3, f"runs/r/{name}", body)
        assert examination.rejection is None
        assert not examination.is_of_reads
        want = expected(body)
        facts = {"format": "other", "sha256": want.sha256, "crc32": want.crc32, "md5": "", "records": 0}
        assert examination.facts == facts | {"sha256_of_parts": "", "labels": "", "figures": ""}
        assert load(s3, "work", examination.upload_id) == examination


def test_the_analysis_asks_for_md5(s3):
    analysis = replace(RUNS, md5=True)
    for key, body in (("runs/r/a.xml", b"<a/>"), ("runs/r/a.fastq", FASTQ)):
        examination = look(s3, key, body, analysis)
        assert (examination.crc32, examination.md5) == (expected(body).crc32, expected(body, md5=True).md5)
        assert load(s3, "work", examination.upload_id) == examination
    assert hash_upload(s3, ExaminationRequest(put(s3, "runs/r/b", b"1"), analysis)).md5 == expected(b"1", True).md5


# -- sequences in a run --


def test_a_fastq_without_reads_is_kept_with_a_warning(s3):
    empty = gzip.compress(b"", mtime=0)
    assert len(empty) == 20
    for name, body in [
        ("a.fastq.gz", empty),
        ("a_R1_001.fastq.gz", empty),
        ("b.fastq", b""),
        ("c.fastq.gz", empty * 3),
    ]:
        examination = look(s3, f"runs/r/{name}", body)
        assert examination.rejection is None
        assert examination.report["counts"] == {"empty_file": 1}
        want = expected(body)
        assert (examination.report["sha256"], examination.crc32) == (want.sha256, want.crc32)
        assert (examination.facts["format"], examination.facts["records"]) == ("fastq", 0)
        assert look(s3, f"raw/r/{name}", body, RAW).rejection["code"] == "empty_file"


def test_a_damaged_fastq_is_an_error_in_a_run_too(s3):
    whole = gzip.compress(FASTQ * 50)
    cut = {"a.fastq.gz": whole[:-9], "b.fastq.gz": whole[:18], "c.fastq": FASTQ[:-3], "d.fastq": b"<html>"}
    codes = {name: look(s3, f"runs/r/{name}", body).rejection["code"] for name, body in cut.items()}
    assert codes["a.fastq.gz"] == "gzip_truncated"
    assert codes["b.fastq.gz"] == "gzip_truncated"
    assert codes["c.fastq"] == "truncated"
    assert codes["d.fastq"] == "unsupported_format"


def write_bam(path, references: list[tuple[str, int]], is_mapped: bool) -> bytes:
    header = {"HD": {"VN": "1.6"}, "SQ": [{"SN": name, "LN": length} for name, length in references]}
    with pysam.AlignmentFile(str(path), "wb", header=header if references else {"HD": {"VN": "1.6"}}) as bam:
        for number in range(3):
            read = pysam.AlignedSegment(bam.header)
            read.query_name, read.query_sequence, read.flag = f"r{number}", "ACGT", 0 if is_mapped else 4
            read.query_qualities = pysam.qualitystring_to_array("IIII")
            if is_mapped:
                read.reference_id, read.reference_start, read.cigarstring = 0, number, "4M"
            bam.write(read)
    return path.read_bytes()


def test_a_bam_with_reference_sequences_is_hashed_and_another_is_checked(s3, tmp_path):
    aligned = write_bam(tmp_path / "a.bam", [("chr1", 1000)], is_mapped=True)
    unaligned = write_bam(tmp_path / "u.bam", [], is_mapped=False)
    assert look(s3, "raw/r/a.bam", aligned, RAW).rejection["code"] == "aligned_bam"
    kept = look(s3, "runs/r/a.bam", aligned)
    assert (kept.rejection, kept.facts["format"], kept.crc32) == (None, "other", expected(aligned).crc32)
    checked = look(s3, "runs/r/u.bam", unaligned)
    assert (checked.rejection, checked.facts["format"], checked.facts["records"]) == (None, "bam", 3)
    assert look(s3, "runs/r/v.bam", unaligned[:-40]).rejection is not None


@given(st.binary(max_size=40), st.integers(0, 3), st.integers(0, 60))
def test_the_header_of_a_bam_says_whether_it_has_references(text, count, cut):
    header = b"BAM\x01" + struct.pack("<i", len(text)) + text + struct.pack("<i", count)
    start = header[:cut]
    assert has_references(io.BytesIO(gzip.compress(header + b"more"))) == (count > 0)
    if cut < len(header):
        assert not has_references(io.BytesIO(gzip.compress(start)))
    assert not has_references(io.BytesIO(text))


def test_a_header_longer_than_any_text_has_references_and_a_negative_length_has_none():
    assert has_references(io.BytesIO(gzip.compress(b"BAM\x01" + struct.pack("<i", 1 << 30))))
    assert not has_references(io.BytesIO(gzip.compress(b"BAM\x01" + struct.pack("<ii", -5, 0))))
