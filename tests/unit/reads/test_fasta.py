"""FASTA: every kind of fault is located, in any record and with any size of blocks."""

import contextlib
import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading
from seqdrop.reads.findings import Policy

BOUNDS = Bounds(4096)


def read(body: bytes, bounds: Bounds = BOUNDS, **options) -> Reading:
    reading = Reading(io.BytesIO(body), ["fasta"], bounds=bounds, **options)
    with contextlib.suppress(InvalidFileError):
        reading.run()
    return reading


def places(body: bytes, bounds: Bounds = BOUNDS, **options) -> list[tuple]:
    errors = read(body, bounds, **options).findings.errors
    return [(error.code, error.record, error.line, error.byte) for error in errors]


def lines(count: int, wrapped: int) -> list[list[bytes]]:
    """Return records of a header and `wrapped` lines."""
    return [[b">r%d about it" % n] + [b"ACGTNacgtn"[n % 5 :] * 5] * wrapped for n in range(count)]


def plant(records: list[list[bytes]], at: int, index: int, text: bytes | None, end: bytes, shift: int = 0):
    """Return (body, record, line, byte) with one line replaced."""
    flat = [line for record in records[:at] for line in record]
    number, byte = len(flat) + index + 1, sum(len(line) + len(end) for line in flat + records[at][:index])
    records[at][index : index + 1] = [] if text is None else [text]
    return b"".join(line + end for record in records for line in record), at + 1, number + shift, byte


FAULTS = {
    "illegal_base": lambda line: line[:7] + b"!" + line[8:],
    "nul_byte": lambda line: line[:7] + b"\0" + line[8:],
    "non_ascii": lambda line: line[:7] + b"\xe9" + line[8:],
    "mixed_line_ends": lambda line: line[:7] + b"\r" + line[8:],
    "protein_suspected": lambda line: b"MKVLAAGIVGLFWEEQPLHISTRDE",
    "blank_line": lambda line: b"",
}
HEADERS = {
    "empty_name": b">",
    "non_ascii": b">r\xff",
    "nul_byte": b">r a\0",
    "control_character": b">r a\x1b",
    "duplicate_name": b">r0 again",
}


@pytest.mark.parametrize("code", FAULTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_fault_in_a_sequence_is_located(code, data):
    count, wrapped = data.draw(st.integers(1, 30)), data.draw(st.integers(2, 5))
    records, at = lines(count, wrapped), data.draw(st.integers(0, count - 1))
    index = data.draw(st.integers(1, wrapped - (code == "blank_line")))  # after the last line it is between records
    end = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    body, *place = plant(records, at, index, FAULTS[code](records[at][index]), end)
    assert places(body, Bounds(data.draw(st.integers(64, 600)))) == [(code, *place)]


@pytest.mark.parametrize("code", HEADERS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_fault_in_a_header_is_located(code, data):
    count = data.draw(st.integers(2, 30))
    records, at = lines(count, 2), data.draw(st.integers(1, count - 1))
    body, *place = plant(records, at, 0, HEADERS[code], b"\n")
    assert places(body, Bounds(data.draw(st.integers(64, 600)))) == [(code, *place)]


@given(st.integers(0, 19), st.integers(64, 300))
def test_an_empty_record_is_located(at, block):
    records = lines(20, 1)
    body, number, line, byte = plant(records, at, 1, None, b"\n")
    assert places(body, Bounds(block)) == [("empty_record", number, line - 1, byte - len(records[at][0]) - 1)]


def test_data_before_the_first_header_are_reported_once():
    assert places(b"ACGT\nAC\n>a\nAC\n") == [("data_before_header", None, 1, 0)]


def test_ambiguity_codes_are_counted_and_a_policy_may_reject_them():
    body = b">a\nACGT\nACRY\n"
    assert read(body).tally.report()["ambiguous"] == 2
    assert places(body, policy=Policy({"ambiguous_base": "error"})) == [("ambiguous_base", 1, 3, 8)]


@pytest.mark.parametrize("block", [64, 100, 4096])
def test_lines_of_any_length_are_read_in_parts(block):
    body = b">a\n" + b"ACGTN" * 2000 + b"\n>b\nAC\n"
    qc = read(body, Bounds(block, block)).tally.report()
    assert (qc["records"], qc["bases"], qc["lengths"]) == (2, 10_002, [[2, 1], [10_000, 1]])
    assert not places(gzip.compress(body), Bounds(block, block))


@given(st.integers(64, 600), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_records_do_not_depend_on_blocks(block, end, final):
    records = lines(12, 3)
    body = end.join(line for record in records for line in record) + (end if final else b"")
    reading = Reading(io.BytesIO(body), ["fasta"], bounds=Bounds(block))
    entries = [(record.number, record.name, record.sequence) for record in reading.records()]
    assert entries == [(n + 1, f"r{n}", b"".join(record[1:])) for n, record in enumerate(records)]
    assert reading.report()["counts"] == ({"crlf": 1} if end == b"\r\n" else {})
