"""Digests of names: a pair is checked by comparing two digests, without reading the files again."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading
from seqdrop.reads.duplicates import Duplicates, NameLocation
from seqdrop.reads.name_digests import CHUNK, NameDigest, compare, locate_fault, records_to_search

STYLES = {"suffix": "@read{n}/{mate}", "comment": "@read{n} {mate}:N:0:ACGT", "silent": "@read{n}"}


def mate(number: int, names: list[int], style: str = "suffix") -> bytes:
    header, bases = STYLES[style], "ACGT"[number]
    return "".join(f"{header.format(n=n, mate=number)}\n{bases * 8}\n+\nIIIIIIII\n" for n in names).encode()


def digest(body: bytes, block: int = 2048) -> NameDigest:
    reading = Reading(io.BytesIO(body), ["fastq"], bounds=Bounds(block))
    reading.run()
    return NameDigest.from_bytes(reading.read_names.to_bytes())


def codes(first: bytes, second: bytes) -> list[str]:
    return [fault.code for fault in compare(digest(first), digest(second))]


NAMES = list(range(500))


@pytest.mark.parametrize("style", STYLES)
def test_a_valid_pair_has_no_fault(style):
    assert codes(mate(1, NAMES, style), mate(2, NAMES, style)) == []


@pytest.mark.parametrize("style", STYLES)
def test_every_fault_of_a_pair_is_reported(style):
    first = mate(1, NAMES, style)
    assert codes(first, first) == ["mates_same_file"]
    assert codes(first, mate(2, NAMES[:-1], style)) == ["mates_unequal_counts"]
    assert codes(first, mate(2, NAMES[:200] + NAMES[201:], style)) == ["mates_unequal_counts", "mates_out_of_step"]
    assert codes(first, mate(2, [*NAMES[:200], 201, 200, *NAMES[202:]], style)) == ["mates_out_of_step"]
    if style != "silent":
        assert codes(mate(2, NAMES, style), first) == ["mates_swapped"]
        assert codes(first, mate(1, NAMES, style).replace(b"CCCC", b"CCCG")) == ["mates_same_file"]


def test_the_same_reads_with_another_compression_are_the_same_file():
    import gzip

    first = mate(1, NAMES, "silent")
    assert codes(first, gzip.compress(first)) == ["mates_same_file"]


@given(st.integers(0, 499))
def test_the_chunk_out_of_step_is_reported(index):
    names = [*NAMES[:index], 9999, *NAMES[index + 1 :]]
    (fault,) = compare(digest(mate(1, NAMES)), digest(mate(2, names)))
    assert fault.code == "mates_out_of_step"
    assert fault.record <= index + 1 < fault.record + CHUNK


@settings(deadline=None)
@given(st.integers(64, 5000))
def test_a_digest_does_not_depend_on_blocks(block):
    body = mate(1, NAMES)
    assert (digest(body, block).chunks == digest(body).chunks).all()


def test_a_digest_is_small():
    assert len(digest(mate(1, NAMES)).to_bytes()) < 300 + 8 * (500 // CHUNK + 1)
    with pytest.raises(ValueError, match="not a digest"):
        NameDigest.from_bytes(b"{}")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("block", [300, 1 << 16])
def test_interleaved_mates_are_detected_and_checked(style, block):
    pairs = [mate(number, [n], style) for n in range(60) for number in (1, 2)]
    reading = Reading(io.BytesIO(b"".join(pairs)), ["fastq"], bounds=Bounds(block))
    reading.run()
    assert reading.report()["interleaved"]
    for lost, code, record in ((31, "mates_out_of_step", 32), (119, "mates_unequal_counts", None)):
        reading = Reading(io.BytesIO(b"".join(pairs[:lost] + pairs[lost + 1 :])), ["fastq"], bounds=Bounds(block))
        with pytest.raises(InvalidFileError) as caught:
            reading.run()
        assert [(error.code, error.record) for error in caught.value.errors] == [(code, record)]


def test_the_first_four_pairs_decide_even_if_blocks_are_smaller():
    """A duplicate at the start of a file is not a pair, even if the first block has no other reads."""
    names = [1, 1, *range(2, 60)]
    body = mate(1, names, "silent")
    for block in (70, 128, 1 << 16):
        reading = Reading(io.BytesIO(body), ["fastq"], bounds=Bounds(block))
        with pytest.raises(InvalidFileError) as caught:
            reading.run()
        assert not reading.report()["interleaved"]
        assert [(error.code, error.record) for error in caught.value.errors] == [("duplicate_name", 2)]


@pytest.mark.parametrize("pairs", [4, 30])
@pytest.mark.parametrize("block", [300, 1 << 16])
def test_a_file_that_is_interleaved_only_at_its_start_is_out_of_step(pairs, block):
    """The fault is where the pairs end and the single reads begin."""
    parts = [mate(number, [n]) for n in range(pairs) for number in (1, 2)]
    singles = [mate(1, [n]) for n in range(pairs, pairs + 50)]
    reading = Reading(io.BytesIO(b"".join(parts + singles)), ["fastq"], bounds=Bounds(block))
    with pytest.raises(InvalidFileError) as caught:
        reading.run()
    assert [(error.code, error.record) for error in caught.value.errors] == [("mates_out_of_step", 2 * pairs + 2)]


def test_the_record_out_of_step_is_located_by_reading_both_files():
    bodies = mate(1, NAMES), mate(2, [*NAMES[:200], 201, 200, *NAMES[202:]])
    (fault,) = compare(*map(digest, bodies))
    records = records_to_search(fault)
    readings = [Reading(io.BytesIO(body), ["fastq"], bounds=Bounds(1024)) for body in bodies]
    names = [reading.locate_names(records) for reading in readings]
    located = locate_fault(fault, *names)
    assert (located.code, located.name, located.record, located.line) == ("mates_out_of_step", "read200/1", 201, 801)
    assert located.byte == bodies[0].index(b"@read200/1")
    assert locate_fault(fault, names[0], names[0]) == fault  # no names differ, so the files have changed since


def location(number: int) -> NameLocation:
    return NameLocation(str(number), number + 1, 4 * number + 1, 0)


@given(st.lists(st.integers(0, 60), max_size=300), st.integers(1, 40))
def test_names_that_occurred_before_are_duplicates(values, block):
    duplicates = Duplicates()
    hashes = np.array(values, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for at in range(0, len(values), block):
        duplicates.add(hashes[at : at + block], lambda index, at=at: location(at + index))
    expected = [index for index, value in enumerate(values) if value in values[:index]]
    count, repeats = duplicates.find(1000)
    assert (count, [repeat.record - 1 for repeat in repeats]) == (len(expected), expected)
