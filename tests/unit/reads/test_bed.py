"""BED files: every interval is read with its location, and every fault is reported with its line."""

import gzip
import hashlib
import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads import bed
from seqdrop.reads.bed import read_bed

names = st.sampled_from(["chr1", "chr2", "NC_000001.11", "track", "browser", "contig|7", "é"])
noise = st.sampled_from(
    [b"", b"   ", b"#chrom\tstart\tend", b"track name=x description='a b'", b"browser position c:1-2"]
)
ends = st.sampled_from([b"\n", b"\r\n"])


@st.composite
def files(draw) -> tuple[bytes, dict[str, list]]:
    """Draw a valid file, and the intervals of each record with line and byte."""
    intervals, lines = {}, []
    for name in draw(st.lists(names, unique=True, min_size=1)):
        borders = sorted(draw(st.sets(st.integers(0, 10**9), min_size=2, max_size=10)))
        intervals[name] = list(zip(borders[::2], borders[1::2], strict=False))
        lines += [(name, *span) for span in intervals[name]]
    lines = draw(st.permutations(lines))
    body, places, number = b"", {}, 0
    for name, start, end in lines:
        for more in draw(st.lists(noise, max_size=2)):
            body, number = body + more + draw(ends), number + 1
        places[name, start] = number + 1, len(body)
        rest = draw(st.sampled_from(["", "\tpeak 1\t0\t+", "\t"]))
        body, number = body + f"{name}\t{start}\t{end}{rest}".encode() + draw(ends), number + 1
    body = body if draw(st.booleans()) else body.removesuffix(b"\n")
    return body, {name: [(*span, *places[name, span[0]]) for span in spans] for name, spans in intervals.items()}


@given(files(), st.booleans(), st.integers(1, 64))
def test_every_interval_is_read_by_record_and_start(drawn, packed, block):
    body, expected = drawn
    raw = gzip.compress(body, mtime=0) if packed else body
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bed, "BLOCK", block)  # lines cross the borders of blocks
        result = read_bed(io.BytesIO(raw), "a.bed.gz" if packed else "a.bed")
    assert result.sha256 == hashlib.sha256(raw).hexdigest()
    intervals = result.intervals
    assert set(intervals.names) == set(expected)
    by_name = {name: [(i.start, i.end, i.line, i.byte) for i in intervals.of(name)] for name in expected}
    assert by_name == expected
    assert len(intervals) == sum(map(len, expected.values()))
    assert list(intervals.of("no such record")) == []


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_rejected(body):
    try:
        intervals = read_bed(io.BytesIO(body)).intervals
    except InvalidFileError:
        return
    for name in intervals.names:
        spans = list(intervals.of(name))
        assert all(0 <= span.start < span.end for span in spans)
        assert all(span.end <= following.start for span, following in itertools.pairwise(spans))


def faults(body: bytes, name: str = "") -> list[tuple]:
    with pytest.raises(InvalidFileError) as caught:
        read_bed(io.BytesIO(body), name)
    return [(error.code, error.line, error.byte) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"chr1", "bed_columns"),
        (b"chr1\t5", "bed_columns"),
        (b"\t5\t6", "bed_columns"),
        (b"chr1\tfive\t6", "bed_number"),
        (b"chr1\t5\t6.0", "bed_number"),
        (b"chr1\t1,000\t2,000", "bed_number"),
        (b"chr1\t \t6", "bed_number"),
        (b"chr1\t5\t99999999999999999999999", "bed_number"),
        (b"chr1\t5\t9999999999999", "bed_number"),
        (b"chr1\t-1\t6", "bed_negative"),
        (b"chr1 6 6", "bed_order"),
        (b"chr1 7 6", "bed_order"),
        (b"chr2\t9\t12", "bed_overlap"),
        (b"chr2\t0\t100", "bed_overlap"),
        (b"chr2\t5\t10", "bed_overlap"),
    ],
)
def test_a_fault_is_reported_with_its_line(line, code):
    assert faults(b"# head\nchr2\t5\t10\n" + line + b"\nchr3 1 2\n") == [(code, 3, 17)]


def test_intervals_may_touch():
    intervals = read_bed(io.BytesIO(b"c 5 10\nc 10 12\nc 0 5\n")).intervals
    assert [(interval.start, interval.end) for interval in intervals.of("c")] == [(0, 5), (5, 10), (10, 12)]


def test_a_byte_order_mark_is_not_part_of_a_name():
    assert list(read_bed(io.BytesIO(b"\xef\xbb\xbfc\t1\t2\n")).intervals.names) == ["c"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_file"),
        (b"# nothing\ntrack x\n\n", "bed_empty"),
        (gzip.compress(b"c 1 2\n", mtime=0)[:-3], "gzip_trailer_cut"),
        (b"BZh91AY", "unsupported_compression"),
    ],
)
def test_files_that_are_empty_or_damaged_are_rejected(body, code):
    assert [fault[0] for fault in faults(body)] == [code]


def test_a_wrong_suffix_is_reported():
    assert [fault[0] for fault in faults(b"c 1 2\n", "x.bed.gz")] == ["wrong_suffix"]


class TestBounds:
    @pytest.fixture(autouse=True)
    def small_limits(self, monkeypatch):
        for name, value in {"MAX_INTERVALS": 10, "LONGEST_LINE": 100, "MAX_TEXT": 2_000, "BLOCK": 64}.items():
            monkeypatch.setattr(bed, name, value)

    def test_the_number_of_intervals_is_bounded(self):
        lines = [b"c %d %d\n" % (n, n + 1) for n in range(11)]
        assert len(read_bed(io.BytesIO(b"".join(lines[:10]))).intervals) == 10
        assert faults(b"".join(lines)) == [("bed_too_large", 11, 61)]

    @pytest.mark.parametrize("end", [b"", b"\n", b"\nc 1 2\n"])
    def test_the_length_of_a_line_is_bounded(self, end):
        assert len(read_bed(io.BytesIO(b"c 1 2\nc 3 4 " + b"x" * 94)).intervals) == 2
        assert faults(b"c 1 2\nc 3 4 " + b"x" * 95 + end) == [("bed_too_large", 2, None)]

    def test_the_length_of_the_text_is_bounded(self):
        assert faults(gzip.compress(b"\n" * 3_000)) == [("bed_too_large", None, None)]

    def test_reading_stops_after_many_faults(self):
        with pytest.raises(InvalidFileError) as caught:
            read_bed(io.BytesIO(b"a\n" * 1_000))
        assert caught.value.counts == {"bed_columns": bed.MAX_FAULTS}
