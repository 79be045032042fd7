"""A compressed file that expands too far ends within its bound, with the place where reading stopped."""

import gzip
import io
from contextlib import suppress
from dataclasses import replace

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.config.problems import SettingsError
from seqdrop.errors import InvalidFileError
from seqdrop.kinds.plans import from_json, packaged
from seqdrop.reads import expansion, inflate
from seqdrop.reads.check import Bounds, Reading
from seqdrop.training.data.line_reader import Budget, Source, read_whole_lines
from seqdrop.training.data.rows import Problems
from seqdrop.work.reading_pass import make_reading
from seqdrop.work.reuse import have_equal_items

from tests.unit.reads.planting import fastq

FORMATS = ("fastq", "fasta", "bam")
BOMB = gzip.compress(b">a\n" + b"ACGT" * 2_500_000)  # 10 KB for 10 MB


@pytest.fixture
def decompressed(monkeypatch) -> list[int]:
    """Return the sizes of all blocks that the library decompresses."""
    sizes, create = [], inflate.igzip_lib.IgzipDecompressor

    class Counting:
        def __init__(self, **options):
            self._inflater = create(**options)

        def decompress(self, compressed: bytes, size: int) -> bytes:
            block = self._inflater.decompress(compressed, size)
            sizes.append(len(block))
            return block

        def __getattr__(self, name: str):
            return getattr(self._inflater, name)

    monkeypatch.setattr(inflate.igzip_lib, "IgzipDecompressor", Counting)
    return sizes


def read(body: bytes, expanded: int | None, block: int = 4096, size: int | None = None, **options) -> Reading:
    """Read a file to its end, or to its fault, and return the reading."""
    reading = Reading(io.BytesIO(body), FORMATS, bounds=Bounds(block, expanded=expanded), **options)
    reading.size = size
    with suppress(InvalidFileError):  # the reading keeps all errors
        reading.run()
    return reading


def codes(reading: Reading) -> list[str]:
    return [error.code for error in reading.findings.errors]


@pytest.mark.parametrize("bound", [5_000, 100_000, 1_000_000])
def test_a_bomb_ends_within_its_bound(decompressed, bound):
    reading = read(BOMB, bound)
    assert len(BOMB) < 20_000
    assert sum(decompressed) <= bound + 1
    (fault, *_) = reading.findings.errors
    assert (fault.code, fault.record) == ("gzip_expansion", 1)
    assert 0 < fault.byte <= bound + 1
    assert fault.line in (1, 2)
    assert "max_expanded_gb" in fault.advice


def test_a_bomb_of_empty_members_or_small_ones_is_no_exception(decompressed):
    body = gzip.compress(b">a\n") + gzip.compress(b"") * 100 + gzip.compress(b"ACGT" * 500) * 500
    assert codes(read(body, 50_000)) == ["gzip_expansion"]
    assert sum(decompressed) <= 50_001


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_bound_is_exact(data):
    records = fastq(data.draw(st.integers(4, 60)), lambda index: 10 + index % 7)
    body = b"".join(part for record in records for part in record)
    cut = data.draw(st.integers(0, len(body)))
    packed = gzip.compress(body[:cut]) + gzip.compress(body[cut:])
    block = data.draw(st.sampled_from([64, 300, 4096]))
    assert codes(read(packed, len(body), block)) == []
    assert codes(read(body, 1, block)) == [], "the bound is for compressed files"
    bound = data.draw(st.integers(len(body) // 2, len(body) - 1))
    fault = read(packed, bound, block).findings.errors[0]
    assert fault.code == "gzip_expansion"
    assert body[: bound + 1].count(b"\n") >= fault.line - 1
    assert fault.byte == len(b"".join(body.splitlines(keepends=True)[: fault.line - 1]))


class TestDefault:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch):
        monkeypatch.setattr(expansion, "FREE", 100_000)

    @pytest.mark.parametrize("size", [len(BOMB), None])
    def test_without_a_setting_the_compressed_size_counts(self, decompressed, size):
        reading = read(BOMB, None, size=size)
        assert codes(reading)[0] == "gzip_expansion"
        assert sum(decompressed) <= max(100_000, expansion.RATIO * len(BOMB)) + 1

    def test_a_file_of_usual_compression_is_valid(self):
        body = b"".join(part for record in fastq(3000, lambda index: 30 + index % 50) for part in record)
        packed = gzip.compress(body, 1)
        assert len(body) > 100_000
        assert codes(read(packed, None)) == []

    def test_a_small_file_may_expand_to_any_size_below_the_floor(self):
        assert codes(read(gzip.compress(b">a\n" + b"A" * 90_000), None)) == []


def test_a_bam_is_bound_as_well(tmp_path, decompressed):
    path = tmp_path / "a.bam"
    with pysam.AlignmentFile(str(path), "wb", header={"HD": {"VN": "1.6"}}) as bam:
        for number in range(3000):
            read_of_bam = pysam.AlignedSegment(bam.header)
            read_of_bam.query_name, read_of_bam.flag = f"r{number}", 4
            read_of_bam.query_sequence, read_of_bam.query_qualities = "ACGT" * 25, [30] * 100
            bam.write(read_of_bam)
    reading = read(path.read_bytes(), 300_000)
    assert codes(reading) == ["gzip_expansion"]
    assert sum(decompressed) <= 300_001
    assert 0 < reading.findings.errors[0].byte <= path.stat().st_size
    assert codes(read(path.read_bytes(), 3_000_000)) == []


class TestSetting:
    def test_it_bounds_the_reading_of_an_analysis_and_survives_in_its_plan(self):
        analysis = replace(packaged().by_name["raw"], max_gb=1e-6, max_expanded_gb=2e-5)
        for same in (analysis, from_json(analysis.as_json())):
            reading = make_reading(io.BytesIO(BOMB), "raw/a.fa.gz", same)
            with pytest.raises(InvalidFileError, match=r"gzip_expansion: .* 20,000 bytes"):
                reading.run()

    def test_a_plan_without_it_has_the_keys_of_earlier_versions(self):
        analysis = packaged().by_name["raw"]
        assert "max_expanded_gb" not in analysis.as_json()
        assert from_json(analysis.as_json()) == analysis

    def test_it_does_not_change_work_items(self):
        analysis = packaged().by_name["reads"]
        assert have_equal_items(analysis, replace(analysis, max_expanded_gb=500.0))

    def test_it_is_not_less_than_the_compressed_size(self):
        with pytest.raises(SettingsError, match=r"max_expanded_gb is 4, less than max_gb \(5\)"):
            replace(packaged().by_name["reads"], max_expanded_gb=4.0)


class TestLongRecords:
    BODY = b">a\nACGT\n>long one\n" + b"ACGTA\n" * 4 + b">b\nACGT\n"

    def test_a_record_that_is_kept_in_memory_has_a_longest_length(self):
        reading = Reading(io.BytesIO(self.BODY), ["fasta"], bounds=Bounds(64, kept=19))
        with pytest.raises(InvalidFileError) as caught:
            list(reading.records())
        fault = caught.value.fault
        assert (fault.code, fault.name, fault.record, fault.line, fault.byte) == ("record_too_long", "long", 2, 3, 8)
        assert "raw/" in fault.advice
        assert len(list(Reading(io.BytesIO(self.BODY), ["fasta"], bounds=Bounds(64, kept=20)).records())) == 3

    def test_no_more_of_it_is_kept(self):
        reading = Reading(io.BytesIO(b">a\n" + b"ACGT" * 5000), ["fasta"], bounds=Bounds(256, kept=1000))
        batches = reading._read(keep=True)
        for _ in batches:
            assert reading._parser.bytes_kept <= 1000 + 256
        assert reading._parser.bytes_kept == 0

    def test_a_record_that_is_only_checked_may_have_any_length(self):
        Reading(io.BytesIO(self.BODY), ["fasta"], bounds=Bounds(64, kept=5)).run()


def test_a_line_of_training_data_is_not_read_beyond_the_budget(monkeypatch):
    lines, readline = [], gzip.GzipFile.readline

    def count(file, size: int = -1) -> bytes:
        lines.append(readline(file, size))
        return lines[-1]

    monkeypatch.setattr(gzip.GzipFile, "readline", count)
    problems = Problems()
    source = Source("a.csv", io.BufferedReader(io.BytesIO(gzip.compress(b"ACGT\n" + b"A" * 1_000_000))))
    assert list(read_whole_lines(source, problems, Budget(1000))) == [(1, "ACGT\n")]
    assert [len(line) for line in lines] == [5, 996]
    with pytest.raises(InvalidFileError, match="too_large"):
        problems.check()
