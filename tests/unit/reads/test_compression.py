"""Damage of gzip, BGZF and BAM is reported with its own code and location."""

import bz2
import gzip
import io
import lzma
import struct
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading

from tests.unit.reads.planting import fastq

PLAIN = b"".join(b"".join(record) for record in fastq(3000, lambda index: 90))
EOF_BLOCK = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzf(plain: bytes, block: int = 60_000) -> bytes:
    """Return BGZF as bgzip writes it (SAM specification 4.1)."""
    packed = []
    for at in range(0, len(plain), block):
        part = plain[at : at + block]
        deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
        body = deflate.compress(part) + deflate.flush()
        head = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0" + struct.pack("<H", len(body) + 25)
        packed.append(head + body + struct.pack("<II", zlib.crc32(part), len(part)))
    return b"".join(packed) + EOF_BLOCK


def read(body: bytes, name: str = "", formats=("fastq", "fasta", "bam"), **options) -> tuple[list, Reading]:
    reading = Reading(io.BytesIO(body), formats, name=name, **options)
    try:
        reading.run()
    except InvalidFileError as error:
        return [(fault.code, fault.byte) for fault in error.errors], reading
    return [], reading


GZIP = gzip.compress(PLAIN, mtime=0)
HALVES = gzip.compress(PLAIN[: len(PLAIN) // 2], mtime=0), gzip.compress(PLAIN[len(PLAIN) // 2 :], mtime=0)


@pytest.mark.parametrize(
    ("body", "code", "byte"),
    [
        (GZIP[: len(GZIP) // 2], "gzip_truncated", len(GZIP) // 2),
        (GZIP[:-9], "gzip_truncated", len(GZIP) - 9),
        (GZIP[:5], "gzip_truncated", 5),
        (GZIP[:-1], "gzip_trailer_cut", len(GZIP) - 1),
        (GZIP[:-8], "gzip_trailer_cut", len(GZIP) - 8),
        (GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:], "gzip_bad_crc", len(GZIP)),
        (GZIP[:-4] + b"\0\0\0\0", "gzip_bad_length", len(GZIP)),
        (GZIP[:10] + b"\xff" * 9 + GZIP[19:], "gzip_corrupt", None),
        (GZIP[:2] + b"\x09" + GZIP[3:], "gzip_corrupt", None),
        (GZIP + b"garbage", "gzip_trailing_garbage", None),
        (GZIP + bytes(600) + b"x", "gzip_trailing_garbage", None),
        (HALVES[0] + HALVES[1][:-40], "gzip_truncated", sum(map(len, HALVES)) - 40),
        (HALVES[0] + HALVES[1][:1], "gzip_truncated", len(HALVES[0]) + 1),
        (HALVES[0] + HALVES[1][:7], "gzip_truncated", len(HALVES[0]) + 7),
        (bgzf(PLAIN)[:-28], "bgzf_no_eof", len(bgzf(PLAIN)) - 28),
        (bgzf(PLAIN)[:-27], "gzip_truncated", len(bgzf(PLAIN)) - 27),
        (bz2.compress(PLAIN), "unsupported_compression", None),
        (lzma.compress(PLAIN), "unsupported_compression", None),
        (b"CRAM\x03\0", "unsupported_format", None),
        (b"", "empty_file", None),
        (gzip.compress(b"", mtime=0), "empty_file", None),
    ],
)
def test_damage_is_reported(body, code, byte):
    faults, _ = read(body)
    assert [reported for reported, _ in faults] == [code]
    if byte is not None:
        assert faults[0][1] == byte


@settings(deadline=None, max_examples=60)
@given(st.integers(20, len(GZIP) - 10), st.integers(0, 7))
def test_a_flipped_bit_is_detected(place, bit):
    body = bytearray(GZIP)
    body[place] ^= 1 << bit
    faults, _ = read(bytes(body))
    assert faults[0][0] in {"gzip_bad_crc", "gzip_corrupt", "gzip_truncated", "gzip_bad_length"}


@settings(deadline=None, max_examples=60)
@given(st.integers(1, len(GZIP) - 1))
def test_a_cut_at_any_byte_is_detected(place):
    faults, _ = read(GZIP[:place])
    assert faults


@pytest.mark.parametrize(
    ("body", "compression"),
    [
        (b"".join(HALVES), "gzip"),
        (b"".join(gzip.compress(PLAIN[at : at + 50]) for at in range(0, len(PLAIN), 50)), "gzip"),
        (GZIP + bytes(512), "gzip"),
        (gzip.compress(b"", mtime=0) + GZIP, "gzip"),
        (bgzf(PLAIN), "bgzf"),
        (bgzf(PLAIN, 100), "bgzf"),
        (PLAIN, None),
        (PLAIN[:-1], None),
    ],
)
def test_valid_files_of_any_compression_are_accepted(body, compression):
    faults, reading = read(body)
    assert not faults
    assert (reading.compression, reading.tally.records, reading.digest.size) == (compression, 3000, len(body))


def test_every_header_field_of_gzip_is_skipped():
    head = b"\x1f\x8b\x08\x1e" + bytes(6) + struct.pack("<H", 3) + b"abc" + b"name\0" + b"comment\0" + b"\0\0"
    assert not read(head + GZIP[10:])[0]


@pytest.mark.parametrize(
    ("name", "body", "fault"),
    [
        ("a.fastq", PLAIN, None),
        ("a.fastq.gz", GZIP, None),
        ("a.fq.bgz", bgzf(PLAIN), None),
        ("reads/a", GZIP, None),
        ("a.txt", PLAIN, None),
        ("a.fastq.gz", PLAIN, "wrong_suffix"),
        ("a.fastq", GZIP, "wrong_suffix"),
        ("a.fasta", PLAIN, "wrong_suffix"),
        ("run.fasta/a.fa.gz", GZIP, "wrong_suffix"),
        ("a.bam", GZIP, "wrong_suffix"),
    ],
)
def test_a_suffix_that_differs_from_the_content_is_reported(name, body, fault):
    assert [code for code, _ in read(body, name)[0]] == ([fault] if fault else [])


class TestBam:
    @pytest.fixture
    def bam(self, tmp_path):
        pysam = pytest.importorskip("pysam", reason="pysam makes and reads the BAM files of these tests")

        def make(count: int = 3000, mapped: int | None = None, quality: bool = True) -> bytes:
            names = [{"SN": "chr1", "LN": 1000}] if mapped is not None else []
            header = pysam.AlignmentHeader.from_dict({"HD": {"VN": "1.6"}, "SQ": names})
            path = tmp_path / "x.bam"
            with pysam.AlignmentFile(path, "wb", header=header) as file:
                for index in range(count):
                    record = pysam.AlignedSegment(header)
                    record.query_name, record.flag = f"r{index}", 4
                    record.query_sequence = "ACGTN" * 10
                    if quality:
                        record.query_qualities = pysam.qualitystring_to_array("I" * 50)
                    if index == mapped:
                        record.flag, record.reference_id, record.reference_start = 0, 0, 5
                        record.cigarstring = "50M"
                    file.write(record)
            return path.read_bytes()

        return make

    def test_reads_of_a_bam_are_counted_as_those_of_fastq(self, bam):
        faults, reading = read(bam(), "x.bam")
        assert not faults
        report = reading.report()
        assert (report["format"], report["compression"], report["records"]) == ("bam", "bgzf", 3000)
        assert (report["qc"]["bases"], report["qc"]["mean_quality"]) == (150_000, 40.0)

    def test_damage_is_reported(self, bam):
        body = bam()
        assert [code for code, _ in read(body[:-28])[0]] == ["bgzf_no_eof"]
        assert [code for code, _ in read(body[: len(body) // 2])[0]] == ["gzip_truncated"]
        plain = gzip.decompress(body)
        assert [code for code, _ in read(gzip.compress(plain[:-13]))[0]] == ["bam_corrupt"]
        assert [code for code, _ in read(gzip.compress(plain[:9]))[0]] == ["bam_corrupt"]

    def test_mapped_reads_and_missing_qualities_are_reported(self, bam):
        _, reading = read(bam(20, mapped=7))
        (fault,) = reading.findings.errors
        assert (fault.code, fault.name, fault.record, fault.line) == ("aligned_bam", "r7", 8, None)
        _, reading = read(bam(20, quality=False))
        assert reading.findings.counts == {"missing_quality": 20}

    def test_without_pysam_bam_is_rejected(self, bam, monkeypatch):
        body = bam(3)
        monkeypatch.setitem(sys.modules, "pysam", None)
        assert [code for code, _ in read(body)[0]] == ["unsupported_format"]
