"""Valid files are read as written; faults are reported with their code and location."""

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading

BASES = "ACGTRYSWKMBDHVNacgtn"
names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
sequences = st.text(st.sampled_from(BASES), min_size=1, max_size=60)
qualities = st.characters(min_codepoint=33, max_codepoint=126)


def read(body: bytes, *formats: str):
    reading = Reading(io.BytesIO(body), formats or ("fastq", "fasta"))
    return list(reading.records()), reading


def fault(body: bytes, *formats: str):
    with pytest.raises(InvalidFileError) as caught:
        read(body, *formats)
    return caught.value.fault


@st.composite
def fastq_records(draw):
    sequence = draw(sequences)
    quality = draw(st.text(qualities, min_size=len(sequence), max_size=len(sequence)))
    return draw(names), sequence, quality


def name_of(record) -> str:
    return record[0]


def wrap(text: str, width: int, end: str) -> str:
    return end.join(text[start : start + width] for start in range(0, len(text), width))


@given(
    st.lists(fastq_records(), min_size=1, max_size=8, unique_by=name_of),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.booleans(),
)
def test_fastq_is_read_as_written(records, end, final, packed):
    text = end.join(end.join([f"@{name}", bases, "+", quality]) for name, bases, quality in records)
    body = (text + (end if final else "")).encode()
    entries, reading = read(gzip.compress(body) if packed else body)
    assert [(r.name, r.sequence.decode(), r.quality.decode()) for r in entries] == records
    assert [r.number for r in entries] == list(range(1, len(records) + 1))
    assert reading.format == "fastq"


@given(st.lists(fastq_records(), min_size=1, max_size=5, unique_by=name_of), st.integers(5, 20))
def test_wrapped_fastq_is_read_as_written(records, width):
    # No quality contains @ here: a wrapped line of quality that starts with @ is a known ambiguity of the format.
    records = [(name, bases, quality.replace("@", "A")) for name, bases, quality in records]
    text = "".join(f"@{n}\n{wrap(b, width, chr(10))}\n+\n{wrap(q, width, chr(10))}\n" for n, b, q in records)
    entries, _ = read(text.encode())
    assert [(r.name, r.sequence.decode(), r.quality.decode()) for r in entries] == records


@given(st.dictionaries(names, sequences, min_size=1, max_size=6), st.integers(3, 30), st.sampled_from(["\n", "\r\n"]))
def test_fasta_is_read_as_written(records, width, end):
    text = "".join(f">{name} about{end}{wrap(bases, width, end)}{end}" for name, bases in records.items())
    entries, reading = read(text.encode())
    assert {r.name: r.sequence.decode() for r in entries} == records
    assert all(r.quality is None for r in entries)
    assert reading.format == "fasta"


@given(st.binary(max_size=300))
def test_no_bytes_raise_an_unexpected_exception(body):
    with contextlib.suppress(InvalidFileError):
        read(body)


GOOD = b"@r1 first\nACGT\n+\nIIII\n@r2\nAC\n+r2\nII\n"


@pytest.mark.parametrize(
    ("body", "code", "record", "line", "byte"),
    [
        (b"", "empty_file", None, None, None),
        (b"ACGT\n", "wrong_format", None, 1, 0),
        (GOOD.replace(b"@r2", b"r2"), "bad_header", 2, 5, 22),
        (GOOD.replace(b"@r2", b"@"), "empty_name", 2, 5, 22),
        (GOOD.replace(b"\n+\nIIII", b"\nIIII"), "missing_plus", 1, 3, 15),
        (GOOD.replace(b"+r2", b"+r3"), "plus_name_differs", 2, 7, 29),
        (GOOD.replace(b"IIII", b"III"), "length_mismatch", 1, 4, 17),
        (GOOD.replace(b"IIII", b"IIIII"), "length_mismatch", 1, 4, 17),
        (GOOD.replace(b"ACGT", b"AC T"), "illegal_base", 1, 2, 10),
        (GOOD.replace(b"ACGT", b"ACET"), "illegal_base", 1, 2, 10),
        (GOOD.replace(b"ACGT", b"AC\0T"), "nul_byte", 1, 2, 10),
        (GOOD.replace(b"IIII", b"II I"), "illegal_quality", 1, 4, 17),
        (GOOD.replace(b"IIII", b"II\x7fI"), "illegal_quality", 1, 4, 17),
        (GOOD.replace(b"@r2", "@é".encode()), "non_ascii", 2, 5, 22),
        (GOOD[:-2], "truncated", 2, 8, 33),
        (GOOD[:-4], "truncated", 2, 7, 29),
        (GOOD[:-7], "truncated", 2, 6, 26),
        (GOOD[:-8], "truncated", 2, 6, 26),
        (b">a\nAC\n>b\n>c\nAC\n", "empty_record", 2, 3, 6),
        (b">a\nAC\n>b\n", "empty_record", 2, 3, 6),
        (b">a\nAC\n>a\nAC\n", "duplicate_name", 2, 3, 6),
        (b">a\nMKVL\n", "protein_suspected", 1, 2, 3),
        (b">a\nACGTEACGT\n", "illegal_base", 1, 2, 3),
        (b"ACGT\n>a\nAC\n", "data_before_header", None, 1, 0),
        (b">\nAC\n", "empty_name", 1, 1, 0),
    ],
)
def test_faults_have_their_code_and_location(body, code, record, line, byte):
    reported = fault(body)
    assert (reported.code, reported.record, reported.line, reported.byte) == (code, record, line, byte)


@pytest.mark.parametrize("packed", [False, True])
def test_locations_refer_to_the_decompressed_stream(packed):
    body = b"".join(GOOD.replace(b"r", b"r%d." % n) for n in range(50)) + b"@r3\nAC\n+\nI\n"
    reported = fault(gzip.compress(body) if packed else body)
    assert (reported.record, reported.line, reported.byte) == (101, 404, len(body) - 2)


def test_damaged_gzip_is_distinguished_from_a_damaged_record():
    packed = gzip.compress(b"".join(GOOD.replace(b"r", b"r%d." % n) for n in range(500)))
    assert fault(packed[:-9]).code == "gzip_truncated"
    assert fault(packed[: len(packed) // 2]).code == "gzip_truncated"
    assert fault(packed[:-6] + b"\0\0" + packed[-4:]).code == "gzip_bad_crc"


def test_members_of_a_gzip_are_one_stream():
    entries, reading = read(gzip.compress(GOOD) + gzip.compress(GOOD.replace(b"r", b"s")))
    assert len(entries) == 4
    assert reading.tally.bases == 12


@pytest.mark.parametrize("compress", [bz2.compress, lzma.compress])
def test_other_compressions_are_rejected_by_name(compress):
    assert fault(compress(GOOD)).code == "unsupported_compression"


def test_the_advice_on_a_wrong_format_names_the_expected_one():
    reported = fault(GOOD, "fasta")
    assert reported.code == "wrong_format"
    assert "FASTA" in reported.advice


def test_messages_contain_no_sequence():
    secret = b"GATTACAGATTACA"
    for body in (b"@r\n" + secret + b"!\n+\nI\n", b"@r\n" + secret + b"\n+\nII\n", b"@r\n" + secret):
        assert secret.decode() not in str(fault(body))


def test_the_digest_is_that_of_the_compressed_file():
    packed = gzip.compress(GOOD)
    _, reading = read(packed)
    assert (reading.digest.sha256, reading.digest.size) == (hashlib.sha256(packed).hexdigest(), len(packed))


def test_the_tally_has_the_figures_of_all_records():
    _, reading = read(b"@a\nGCNN\n+\nIIII\n@b\nAT\n+\n!!\n")
    report = reading.tally.report()
    expected = {
        "records": 2,
        "bases": 6,
        "gc_fraction": 0.5,
        "n_fraction": 0.3333,
        "shortest": 2,
        "longest": 4,
        "mean_length": 3.0,
        "n50": 4,
        "mean_quality": 26.67,
    }
    assert {key: report[key] for key in expected} == expected
