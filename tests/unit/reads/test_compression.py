"""Damage of gzip, BGZF and BAM is reported with its own code and location."""

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import REST, Bounds, Reading
from seqdrop.reads.findings import Policy

from tests.support.examples import share
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


@settings(deadline=None, max_examples=share(60))
@given(st.integers(20, len(GZIP) - 10), st.integers(0, 7))
def test_a_flipped_bit_is_detected(place, bit):
    body = bytearray(GZIP)
    body[place] ^= 1 << bit
    faults, _ = read(bytes(body))
    assert faults[0][0] in {"gzip_bad_crc", "gzip_corrupt", "gzip_truncated", "gzip_bad_length"}


@settings(deadline=None, max_examples=share(60))
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
        (GZIP + b"\0", "gzip"),
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


FIELDS = {4: struct.pack("<H", 3) + b"abc", 8: b"name\0", 16: b"comment\0"}  # FEXTRA, FNAME, FCOMMENT (RFC 1952)


def gzip_header(flags: int, wrong: int = 0) -> bytes:
    """Return the header of a member with these flags. `wrong` changes the bits of its checksum, FHCRC (flag 2)."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + b"".join(FIELDS[flag] for flag in FIELDS if flags & flag)
    return head + struct.pack("<H", (zlib.crc32(head) ^ wrong) & 0xFFFF) if flags & 2 else head


@pytest.mark.parametrize("flags", range(32))
def test_every_header_field_of_gzip_is_skipped(flags):
    assert not read(gzip_header(flags) + GZIP[10:])[0]
    assert not read(HALVES[0] + gzip_header(flags) + HALVES[1][10:])[0]


@pytest.mark.parametrize("flags", [flags for flags in range(32) if flags & 2])
@given(st.integers(1, 0xFFFF))
def test_a_wrong_checksum_of_a_header_is_reported(flags, wrong):
    head = gzip_header(flags, wrong)
    assert read(head + GZIP[10:])[0] == [("gzip_bad_header_crc", len(head))]


def test_a_wrong_checksum_of_a_later_header_is_reported():
    body = HALVES[0] + gzip_header(10, 1) + HALVES[1][10:]
    assert read(body)[0] == [("gzip_bad_header_crc", len(HALVES[0]) + len(gzip_header(10)))]


def test_a_file_that_stays_valid_is_hashed_to_its_end_even_if_its_end_is_not_parsed():
    body = GZIP + b"x" * (2 * REST)
    faults, reading = read(body, policy=Policy({"gzip_trailing_garbage": "warning"}))
    assert not faults
    assert reading.report()["sha256"] == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize("zeros", [1, 2, 4, 8, 512, 100_000, 300_000])
class TestZeroPadding:
    """Zeros after the last member: gzip and Python accept them, htslib does not."""

    def test_it_is_a_warning_in_gzip(self, zeros):
        for body in (GZIP, b"".join(HALVES)):
            faults, reading = read(body + bytes(zeros))
            assert not faults
            (warning,) = reading.findings.warnings
            assert (warning.code, warning.byte) == ("gzip_padding", len(body))
            assert f"{zeros:,} zero bytes" in warning.message
            assert reading.tally.records == 3000

    def test_it_is_an_error_in_bgzf(self, zeros):
        assert read(bgzf(PLAIN) + bytes(zeros))[0] == [("bgzf_padding", len(bgzf(PLAIN)))]

    def test_it_is_reported_together_with_a_missing_end_marker(self, zeros):
        codes = [code for code, _ in read(bgzf(PLAIN)[:-28] + bytes(zeros))[0]]
        assert sorted(codes) == ["bgzf_no_eof", "bgzf_padding"]

    def test_zeros_between_members_are_an_error(self, zeros):
        faults, _ = read(HALVES[0] + bytes(zeros) + HALVES[1])
        assert [code for code, _ in faults] == ["gzip_trailing_garbage"]

    def test_it_is_part_of_the_digest(self, zeros):
        body = GZIP + bytes(zeros)
        report = read(body)[1].report()
        assert (report["size"], report["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


STOPS_EARLY = {
    "wrong_format": b"hello\n",
    "unsupported_compression": bz2.compress(PLAIN),
    "gzip_corrupt": GZIP[:30] + b"\xff" * 40 + GZIP[70:],
    "gzip_trailing_garbage": GZIP + b"garbage",
    "gzip_bad_crc": GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:],
    "record_too_long": b"@r\n" + b"A" * 10_000 + b"\n+\n" + b"I" * 10_000 + b"\n",
    "bam_corrupt": gzip.compress(b"BAM\x01" + b"x" * 1000),
    "gzip_truncated": GZIP[:1000],
}


@pytest.mark.parametrize("code", STOPS_EARLY)
class TestReportOfAFileThatWasNotReadToItsEnd:
    """The size and SHA-256 in a report are those of the whole file, or absent."""

    BOUNDS = Bounds(block=1024, limit=4096)
    MORE = bytes(REST + (1 << 20))  # so that the end is far away

    def test_a_short_rest_is_read(self, code):
        body = STOPS_EARLY[code]
        faults, reading = read(body, bounds=self.BOUNDS)
        assert faults[0][0] == code
        report = reading.report()
        assert (report["size"], report["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())

    def test_after_a_long_rest_the_digest_is_absent(self, code):
        if code == "gzip_truncated":
            pytest.skip("a truncated file has no rest")
        faults, reading = read(STOPS_EARLY[code] + b"x" + self.MORE, bounds=self.BOUNDS)
        assert faults
        report = reading.report()
        assert (report["size"], report["sha256"]) == (None, None)
        reading.size = 20_000_000
        assert reading.report()["size"] == 20_000_000


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

    @pytest.mark.parametrize("garbage", [b"x", b"xy", b"xyz", b"x" + bytes(100)])
    def test_data_after_the_end_are_an_error(self, bam, garbage):
        body = bam(20)
        assert [code for code, _ in read(body + garbage)[0]] == ["gzip_trailing_garbage"]

    def test_a_wrong_checksum_of_a_block_is_reported(self, bam):
        body = bytearray(bam(20))
        body[-28 - 8] ^= 1  # the checksum of the last block before the end marker
        assert [code for code, _ in read(bytes(body))[0]] == ["gzip_bad_crc"]

    @pytest.mark.parametrize("zeros", [1, 4, 512, 100_000])
    def test_zeros_after_the_end_are_an_error(self, bam, zeros):
        body = bam(20)
        assert read(body + bytes(zeros))[0] == [("bgzf_padding", len(body))]
        packed = gzip.compress(gzip.decompress(body), mtime=0)
        assert read(packed + bytes(zeros))[0] == [("bgzf_padding", len(packed))]
        assert not read(packed)[0]

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
