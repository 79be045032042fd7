"""FASTA as public sources write it: blank lines, merged titles, byte order marks, and proteins among nucleotides."""

import contextlib
import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading
from seqdrop.reads.findings import Policy
from seqdrop.reads.signatures import BYTE_ORDER_MARK

PROTEIN = b"MKVLAAGIVGLFWEEQPLHISTRDE"


def read(body: bytes, block: int = 4096, **options) -> Reading:
    reading = Reading(io.BytesIO(body), ["fasta", "fastq"], bounds=Bounds(block), **options)
    with contextlib.suppress(InvalidFileError):
        reading.run()
    return reading


def entries(body: bytes, block: int = 4096, **options) -> list[tuple[str, bytes]]:
    reading = Reading(io.BytesIO(body), ["fasta", "fastq"], bounds=Bounds(block), **options)
    return [(record.name, record.sequence) for record in reading.records()]


def places(reading: Reading) -> list[tuple]:
    faults = reading.findings.errors + reading.findings.warnings
    return [(fault.code, fault.record, fault.line, fault.byte) for fault in faults]


class TestBlankLines:
    @pytest.mark.parametrize(
        ("body", "line", "byte"),
        [
            (b">a\nAC\n\n", 3, 6),
            (b">a\nAC\n\n>b\nAC\n", 3, 6),
            (b">a\nAC\n\n>b\nAC\n\n\n\n>c\nA\n", 3, 6),
            (b"\n\n>a\nAC\n", 1, 0),
            (b">a\r\nAC\r\n\r\n>b\r\nAC\r\n", 3, 8),
            (b">a\nAC\n \t \n>b\nAC\n", 3, 6),
            (b"  \n>a\nAC\n", 1, 0),
            (b">a\nAC\n\n>b\nAC", 3, 6),
        ],
    )
    def test_blank_lines_outside_records_are_one_warning(self, body, line, byte):
        reading = read(body)
        assert reading.findings.valid
        assert reading.findings.counts["blank_between_records"] == 1
        assert ("blank_between_records", None, line, byte) in places(reading)

    def test_the_warning_has_the_number_of_blank_lines(self):
        body = b">a\nAC\n" + b"\n" * 100 + b">b\nAC\n\n"
        (warning,) = read(body).findings.warnings
        assert warning.message.startswith("101 blank lines are between records")

    def test_blank_lines_inside_a_record_are_errors(self):
        assert places(read(b">a\nAC\n\nAC\n>b\n \nAC\n")) == [("blank_line", 1, 3, 6), ("blank_line", 2, 6, 13)]

    def test_a_record_of_blank_lines_only_is_empty(self):
        assert places(read(b">a\n\n>b\nAC\n"))[0] == ("empty_record", 1, 1, 0)

    def test_a_line_of_nul_bytes_is_not_blank(self):
        assert places(read(b">a\nAC\n\0\0\n>b\nAC\n")) == [("nul_byte", 1, 3, 6)]

    def test_a_policy_may_reject_them(self):
        policy = Policy({"blank_between_records": "error"})
        assert not read(b">a\nAC\n\n>b\nAC\n", policy=policy).findings.valid

    @given(
        st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["", " ", "\t "])), min_size=2, max_size=12),
        st.sampled_from(["\n", "\r\n"]),
        st.integers(64, 200),
    )
    def test_records_are_the_same_with_blank_lines_between_them(self, gaps, end, block):
        text = "".join(
            f"{space}{end}" * count + f">r{at} title{end}ACGT{end}TTGA{end}" for at, (count, space) in enumerate(gaps)
        )
        expected = [(f"r{at}", b"ACGTTTGA") for at in range(len(gaps))]
        assert entries(text.encode(), block) == expected
        reading = read(text.encode(), block)
        blank = sum(count for count, _ in gaps)
        assert reading.findings.counts["blank_between_records"] == (blank > 0)
        assert reading.tally.bases == 8 * len(gaps)

    def test_a_blank_line_of_a_fastq_is_an_error(self):
        assert places(read(b"@a\nAC\n+\nII\n\n")) == [("blank_line", 2, 5, 11)]


class TestMergedTitles:
    @pytest.mark.parametrize(
        ("header", "name"),
        [
            (b"WP_1.1 a protein\x01WP_2.1 the same", "WP_1.1"),
            (b"WP_1.1\x01WP_2.1", "WP_1.1"),
            (b"gi|1|ref|X1.1| one\x01gi|2| two\x01gi|3| three", "gi|1|ref|X1.1|"),
            (b"X1.1\x01", "X1.1"),
            (b"X1.1\ttab\x01X2.1 two", "X1.1"),
        ],
    )
    @pytest.mark.parametrize("end", [b"\n", b"\r\n"])
    def test_the_name_is_the_first_word_of_the_first_title(self, header, name, end):
        body = b">" + header + end + b"ACGTACGT" + end
        assert entries(body) == [(name, b"ACGTACGT")]
        assert not read(body).findings.errors
        assert entries(b">" + header + b"\nMKVLE\n", alphabet="protein") == [(name, b"MKVLE")]

    def test_a_header_without_a_first_title_has_no_name(self):
        assert places(read(b">\x01X2.1 two\nAC\n")) == [("empty_name", 1, 1, 0)]

    @pytest.mark.parametrize("body", [b">a\nAC\x01GT\n", b">a \x02b\nAC\n", b"@a\x01b\nAC\n+\nII\n"])
    def test_other_control_characters_stay_errors(self, body):
        assert not read(body).findings.valid


class TestByteOrderMark:
    @pytest.mark.parametrize(
        "body",
        [
            b">a x\nACGT\n>b\nAC\n",
            b">a\r\nACGT\r\n",
            b"@a x\nAC\n+\nII\n@b\nA\n+\nI\n",
            b"\n>a\nACGT\n",
            b"@a\nA\n+\nI",
        ],
    )
    @pytest.mark.parametrize("block", [64, 4096])
    def test_it_is_left_out_with_a_warning(self, body, block):
        marked, plain = read(BYTE_ORDER_MARK + body, block), read(body, block)
        assert marked.findings.valid
        assert marked.findings.counts == plain.findings.counts + Counter(byte_order_mark=1)
        assert marked.tally.report() == plain.tally.report()
        assert entries(BYTE_ORDER_MARK + body, block) == entries(body, block)

    def test_bytes_count_from_the_mark(self):
        assert places(read(BYTE_ORDER_MARK + b">a\nAC!T\n"))[0] == ("illegal_base", 1, 2, 6)
        assert places(read(BYTE_ORDER_MARK + b"@a\nAC!\n+\nIII\n"))[0] == ("illegal_base", 1, 2, 6)

    def test_a_file_with_only_the_mark_is_empty(self):
        assert places(read(BYTE_ORDER_MARK)) == [("empty_file", None, None, None)]


class TestProteinsAmongNucleotides:
    @pytest.mark.parametrize(
        "body",
        [
            b">a\n" + PROTEIN + b"\n",
            b"".join(b">p%d\n%b\n%b\n" % (n, PROTEIN, PROTEIN[::-1]) for n in range(500)),
            b">a\nME\n>b\nACGTEACGTE\n" + b"".join(b">p%d\n%b\n" % (n, PROTEIN) for n in range(5)),
            b">a\n" + PROTEIN.lower() + b"*\n>b\n" + PROTEIN + b"*\n",
            b">a\nMK--VLE..FPQ\n>b\n" + PROTEIN + b"\n",
        ],
    )
    @pytest.mark.parametrize("block", [256, 4096])
    def test_a_file_of_proteins_has_one_fault(self, body, block):
        reading = read(body, block)
        (fault,) = reading.findings.errors
        assert reading.findings.counts["protein_suspected"] == 1
        assert (fault.code, fault.line) == ("protein_suspected", 2)
        assert "proteins/" in fault.advice
        assert "`seqdrop validate --alphabet protein`" in fault.advice
        assert reading.findings.counts.total() == 1

    def test_proteins_in_a_file_of_nucleotides_are_reported_at_the_first_line(self):
        body = b">a\n" + b"ACGT" * 100 + b"\n>b\n" + PROTEIN + b"\n>c\n" + PROTEIN + b"\n>d\nACGTEACGT\n"
        reading = read(body)
        assert [place[:3] for place in places(reading)] == [("protein_suspected", 2, 4), ("illegal_base", 4, 8)]

    def test_a_policy_against_ambiguity_codes_does_not_hide_the_reason(self):
        body = b">a\nMRSKV\n>b\n" + PROTEIN + b"\n"
        reading = read(body, policy=Policy({"ambiguous_base": "error"}))
        assert [place[0] for place in places(reading)] == ["protein_suspected"]
