"""FASTA of proteins: allowed characters, final stops, and the location of faults with any size of blocks."""

import contextlib
import io

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading
from seqdrop.reads.findings import Policy

from tests.support.examples import share
from tests.unit.reads.test_codes_and_reports import SCHEMA

RESIDUES = "ACDEFGHIKLMNPQRSTVWYXBZJUO"
LINE = b"MKVLAAGIVGLFWEEQPLHISTRDE"


def read(body: bytes, block: int = 4096, **options) -> Reading:
    reading = Reading(io.BytesIO(body), ["fasta"], bounds=Bounds(block), alphabet="protein", **options)
    with contextlib.suppress(InvalidFileError):
        reading.run()
    return reading


def sequences(body: bytes, block: int = 4096) -> list[bytes]:
    reading = Reading(io.BytesIO(body), ["fasta"], bounds=Bounds(block), alphabet="protein")
    return [record.sequence for record in reading.records()]


def places(body: bytes, block: int = 4096) -> list[tuple]:
    errors = read(body, block).findings.errors
    return [(error.code, error.record, error.line, error.byte) for error in errors]


proteins = st.lists(st.text(RESIDUES + RESIDUES.lower(), min_size=1, max_size=90), min_size=1, max_size=12)
widths = st.integers(1, 40)


def fasta(sequences: list[str], width: int, end: str = "\n") -> bytes:
    lines = []
    for number, sequence in enumerate(sequences):
        lines += [f">p{number} about it", *(sequence[at : at + width] for at in range(0, len(sequence), width))]
    return "".join(line + end for line in lines).encode()


@given(proteins, st.lists(st.booleans(), min_size=12, max_size=12), widths, st.integers(64, 300), st.data())
def test_proteins_are_read_as_written_without_final_stops(written, stopped, width, block, data):
    ended = [protein + "*" * stop for protein, stop in zip(written, stopped, strict=False)]
    body = fasta(ended, width, data.draw(st.sampled_from(["\n", "\r\n"])))
    reading = read(body, block, policy=Policy({"nucleotides_suspected": "ignore"}))
    assert reading.findings.errors == []
    assert ("stop_codon" in reading.findings.counts) == any(stopped[: len(written)])
    qc = reading.report()["qc"]
    jsonschema.validate(qc, SCHEMA)
    text = "".join(written).upper()
    assert qc["residue_counts"] == {letter: text.count(letter) for letter in sorted(set(text))}
    assert (qc["bases"], qc["longest"], qc["base_counts"]) == (len(text), max(map(len, written)), None)
    assert (qc["gc_fraction"], qc["n_fraction"]) == (None, None)
    if len(text) < 50:  # longer text may count as DNA
        assert sequences(body, block) == [protein.encode() for protein in written]


@given(
    at=st.integers(0, 9),
    index=st.integers(1, 3),
    column=st.integers(0, len(LINE) - 1),
    fault=st.sampled_from([("illegal_residue", b"1"), ("alignment_gap", b"-"), ("alignment_gap", b".")]),
    block=st.integers(64, 400),
)
def test_a_fault_in_a_protein_is_located(at, index, column, fault, block):
    lines = [line for number in range(10) for line in (b">p%d" % number, LINE, LINE, LINE)]
    place = 4 * at + index
    lines[place] = LINE[:column] + fault[1] + LINE[column + 1 :]
    byte = sum(len(line) + 1 for line in lines[:place])
    assert places(b"".join(line + b"\n" for line in lines), block) == [(fault[0], at + 1, place + 1, byte)]


@settings(max_examples=share(60))
@given(
    at=st.integers(0, 9), column=st.integers(0, 3 * len(LINE) - 2), wrapped=st.booleans(), block=st.integers(64, 400)
)
def test_a_stop_inside_a_protein_is_located(at, column, wrapped, block):
    """This includes stops at the end of a line or a block in the middle of a record."""
    text = bytearray(3 * LINE)
    text[column] = ord("*")
    parts = [bytes(text[n : n + len(LINE)]) for n in range(0, len(text), len(LINE))] if wrapped else [bytes(text)]
    lines = [line for number in range(10) for line in ([b">p%d" % number, *(parts if number == at else [LINE])])]
    first = 2 * at + 1 + (column // len(LINE) if wrapped else 0)
    byte = sum(len(line) + 1 for line in lines[:first])
    assert places(b"".join(line + b"\n" for line in lines), block) == [("internal_stop", at + 1, first + 1, byte)]


def test_of_two_final_stops_the_first_is_an_error():
    assert [code for code, *_ in places(b">p\nMKV**\n")] == ["internal_stop"]


def test_a_stop_alone_is_an_empty_record():
    assert places(b">p\n*\n>q\nM\n") == [("empty_record", 1, 1, 0)]


def test_final_stops_are_reported_once():
    (warning,) = read(b">p\nMKV*\n>q\nMKVL\n*\n").findings.warnings
    assert (warning.code, warning.message) == ("stop_codon", "2 records end in *, which is left out")


@pytest.mark.parametrize(
    ("sequence", "is_dna"),
    [
        (b"ACGTTGCAAC" * 5, True),
        (b"acgun" * 10, True),
        (b"ACGTTGCAA" * 5, False),  # too short to decide
        (
            b"DTASDAAAAAALTAANAKAAAELTAANAAAAAAATAR" * 3,
            False,
        ),  # antifreeze protein of a fish; four fifths are A, N or T
        (LINE * 4, False),
    ],
)
def test_dna_is_distinguished_from_proteins(sequence, is_dna):
    reading = read(b">p\n" + sequence + b"\n")
    assert [error.code for error in reading.findings.errors] == ["nucleotides_suspected"] * is_dna
    if is_dna:
        assert "contigs/" in reading.findings.errors[0].advice


def test_a_policy_may_accept_a_file_that_looks_like_dna():
    assert not read(b">p\n" + b"GA" * 50, policy=Policy({"nucleotides_suspected": "warning"})).findings.errors


def test_a_protein_as_long_as_a_chromosome_is_rejected():
    errors = read(b">titin\n" + LINE * 1400 + b"\n>long\n" + LINE * 4001 + b"\n", block=1 << 16).findings.errors
    assert [(error.code, error.record) for error in errors] == [("protein_too_long", 2)]


def test_the_rest_of_a_protein_that_is_too_long_is_not_kept():
    body = b">long\n" + LINE * 40_000 + b"\n"
    reading = Reading(io.BytesIO(body), ["fasta"], bounds=Bounds(1 << 12), alphabet="protein")
    for _ in reading._read(keep=True):
        assert reading._parser.bytes_kept < 120_000
    assert [error.code for error in reading.findings.errors] == ["protein_too_long"]


def test_messages_contain_no_sequence():
    for body in (b">p\nMKV*LLW\n", b">p\nMK-VLLW\n", b">p\nMK1VLLW\n"):
        (error,) = read(body).findings.errors
        assert not {"MK", "VL", "LW"} & {error.message[at : at + 2] for at in range(len(error.message))}
