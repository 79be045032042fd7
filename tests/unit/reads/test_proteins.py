"""FASTA of proteins: what may stand there, what is made of a *, and every fault at all borders of blocks."""

import contextlib
import io

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading
from seqdrop.reads.findings import Policy

from tests.unit.reads.test_codes_and_reports import SCHEMA

LETTERS = "ACDEFGHIKLMNPQRSTVWYXBZJUO"
LINE = b"MKVLAAGIVGLFWEEQPLHISTRDE"


def read(body: bytes, block: int = 4096, **options) -> Reading:
    reading = Reading(io.BytesIO(body), ["fasta"], block=block, alphabet="protein", **options)
    with contextlib.suppress(InvalidFileError):
        reading.run()
    return reading


def sequences(body: bytes, block: int = 4096) -> list[bytes]:
    reading = Reading(io.BytesIO(body), ["fasta"], block=block, alphabet="protein")
    return [record.sequence for record in reading.records()]


def places(body: bytes, block: int = 4096) -> list[tuple]:
    return [(one.code, one.record, one.line, one.byte) for one in read(body, block).findings.errors]


proteins = st.lists(st.text(LETTERS + LETTERS.lower(), min_size=1, max_size=90), min_size=1, max_size=12)
widths = st.integers(1, 40)


def fasta(found: list[str], width: int, end: str = "\n") -> bytes:
    lines = []
    for number, sequence in enumerate(found):
        lines += [f">p{number} about it", *(sequence[at : at + width] for at in range(0, len(sequence), width))]
    return "".join(line + end for line in lines).encode()


@given(proteins, st.lists(st.booleans(), min_size=12, max_size=12), widths, st.integers(64, 300), st.data())
def test_what_is_written_is_read_without_its_stops(found, stopped, width, block, data):
    ended = [one + "*" * stop for one, stop in zip(found, stopped, strict=False)]
    body = fasta(ended, width, data.draw(st.sampled_from(["\n", "\r\n"])))
    reading = read(body, block, policy=Policy({"nucleotides_suspected": "ignore"}))
    assert reading.findings.errors == []
    assert ("stop_codon" in reading.findings.counts) == any(stopped[: len(found)])
    qc = reading.report()["qc"]
    jsonschema.validate(qc, SCHEMA)
    text = "".join(found).upper()
    assert qc["residue_counts"] == {letter: text.count(letter) for letter in sorted(set(text))}
    assert (qc["bases"], qc["longest"], qc["base_counts"]) == (len(text), max(map(len, found)), None)
    assert (qc["gc_fraction"], qc["n_fraction"]) == (None, None)
    if len(text) < 50:  # else it might be taken for DNA
        assert sequences(body, block) == [one.encode() for one in found]


@given(
    at=st.integers(0, 9),
    index=st.integers(1, 3),
    column=st.integers(0, len(LINE) - 1),
    fault=st.sampled_from([("illegal_residue", b"1"), ("alignment_gap", b"-"), ("alignment_gap", b".")]),
    block=st.integers(64, 400),
)
def test_a_fault_in_a_protein(at, index, column, fault, block):
    lines = [line for number in range(10) for line in (b">p%d" % number, LINE, LINE, LINE)]
    place = 4 * at + index
    lines[place] = LINE[:column] + fault[1] + LINE[column + 1 :]
    byte = sum(len(line) + 1 for line in lines[:place])
    assert places(b"".join(line + b"\n" for line in lines), block) == [(fault[0], at + 1, place + 1, byte)]


@settings(max_examples=60)
@given(
    at=st.integers(0, 9), column=st.integers(0, 3 * len(LINE) - 2), wrapped=st.booleans(), block=st.integers(64, 400)
)
def test_a_stop_inside_a_protein(at, column, wrapped, block):
    """Also where it ends a line, or a block, and the record goes on."""
    text = bytearray(3 * LINE)
    text[column] = ord("*")
    parts = [bytes(text[n : n + len(LINE)]) for n in range(0, len(text), len(LINE))] if wrapped else [bytes(text)]
    lines = [line for number in range(10) for line in ([b">p%d" % number, *(parts if number == at else [LINE])])]
    first = 2 * at + 1 + (column // len(LINE) if wrapped else 0)
    byte = sum(len(line) + 1 for line in lines[:first])
    assert places(b"".join(line + b"\n" for line in lines), block) == [("internal_stop", at + 1, first + 1, byte)]


def test_two_stops_at_the_end_are_one_too_many():
    assert [code for code, *_ in places(b">p\nMKV**\n")] == ["internal_stop"]


def test_a_stop_alone_is_no_protein():
    assert places(b">p\n*\n>q\nM\n") == [("empty_record", 1, 1, 0)]


def test_stops_are_told_once():
    (warning,) = read(b">p\nMKV*\n>q\nMKVL\n*\n").findings.warnings
    assert (warning.code, warning.message) == ("stop_codon", "2 records end in *, which is left out")


@pytest.mark.parametrize(
    ("sequence", "told"),
    [
        (b"ACGTTGCAAC" * 5, True),
        (b"acgun" * 10, True),
        (b"ACGTTGCAA" * 5, False),  # too little to tell
        (b"DTASDAAAAAALTAANAKAAAELTAANAAAAAAATAR" * 3, False),  # a fish's antifreeze, four fifths of it A, N or T
        (LINE * 4, False),
    ],
)
def test_dna_is_told_from_proteins(sequence, told):
    reading = read(b">p\n" + sequence + b"\n")
    assert [one.code for one in reading.findings.errors] == ["nucleotides_suspected"] * told
    if told:
        assert "contigs/" in reading.findings.errors[0].advice


def test_a_file_that_looks_like_dna_may_be_let_through():
    assert not read(b">p\n" + b"GA" * 50, policy=Policy({"nucleotides_suspected": "warning"})).findings.errors


def test_no_protein_is_as_long_as_a_chromosome():
    found = read(b">titin\n" + LINE * 1400 + b"\n>long\n" + LINE * 4001 + b"\n", block=1 << 16).findings.errors
    assert [(one.code, one.record) for one in found] == [("protein_too_long", 2)]


def test_what_is_too_long_is_not_held():
    body = b">long\n" + LINE * 40_000 + b"\n"
    reading = Reading(io.BytesIO(body), ["fasta"], block=1 << 12, alphabet="protein")
    for _ in reading._blocks(keep=True):
        assert sum(map(len, reading._parser.parts)) < 120_000
    assert [one.code for one in reading.findings.errors] == ["protein_too_long"]


def test_messages_hold_no_sequence():
    for body in (b">p\nMKV*LLW\n", b">p\nMK-VLLW\n", b">p\nMK1VLLW\n"):
        (one,) = read(body).findings.errors
        assert not {"MK", "VL", "LW"} & {one.message[at : at + 2] for at in range(len(one.message))}
