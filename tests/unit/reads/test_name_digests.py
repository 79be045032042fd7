"""Digests of names: pairs are checked without the reads."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading
from seqdrop.reads.duplicates import Duplicates, Place
from seqdrop.reads.name_digests import CHUNK, NameDigest, compare, locate_fault, records_to_search

STYLES = {"suffix": "@read{n}/{mate}", "comment": "@read{n} {mate}:N:0:ACGT", "silent": "@read{n}"}


def mate(number: int, names: list[int], style: str = "suffix") -> bytes:
    header, bases = STYLES[style], "ACGT"[number]
    return "".join(f"{header.format(n=n, mate=number)}\n{bases * 8}\n+\nIIIIIIII\n" for n in names).encode()


def digest(body: bytes, block: int = 2048) -> NameDigest:
    reading = Reading(io.BytesIO(body), ["fastq"], block=block)
    reading.run()
    return NameDigest.from_bytes(reading.read_names.to_bytes())


def codes(first: bytes, second: bytes) -> list[str]:
    return [one.code for one in compare(digest(first), digest(second))]


NAMES = list(range(500))


@pytest.mark.parametrize("style", STYLES)
def test_a_sound_pair(style):
    assert codes(mate(1, NAMES, style), mate(2, NAMES, style)) == []


@pytest.mark.parametrize("style", STYLES)
def test_what_is_wrong_with_a_pair(style):
    first = mate(1, NAMES, style)
    assert codes(first, first) == ["mates_same_file"]
    assert codes(first, mate(2, NAMES[:-1], style)) == ["mates_unequal_counts"]
    assert codes(first, mate(2, NAMES[:200] + NAMES[201:], style)) == ["mates_unequal_counts", "mates_out_of_step"]
    assert codes(first, mate(2, [*NAMES[:200], 201, 200, *NAMES[202:]], style)) == ["mates_out_of_step"]
    if style != "silent":
        assert codes(mate(2, NAMES, style), first) == ["mates_swapped"]
        assert codes(first, mate(1, NAMES, style).replace(b"CCCC", b"CCCG")) == ["mates_same_file"]


def test_the_same_reads_compressed_otherwise_are_the_same_file():
    import gzip

    first = mate(1, NAMES, "silent")
    assert codes(first, gzip.compress(first)) == ["mates_same_file"]


@given(st.integers(0, 499))
def test_the_chunk_out_of_step_is_told(place):
    names = [*NAMES[:place], 9999, *NAMES[place + 1 :]]
    (fault,) = compare(digest(mate(1, NAMES)), digest(mate(2, names)))
    assert fault.code == "mates_out_of_step"
    assert fault.record <= place + 1 < fault.record + CHUNK


@settings(deadline=None)
@given(st.integers(64, 5000))
def test_a_digest_does_not_depend_on_blocks(block):
    body = mate(1, NAMES)
    assert (digest(body, block).chunks == digest(body).chunks).all()


def test_a_digest_is_small():
    assert len(digest(mate(1, NAMES)).to_bytes()) < 300 + 8 * (500 // CHUNK + 1)
    with pytest.raises(ValueError, match="no digest"):
        NameDigest.from_bytes(b"{}")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("block", [300, 1 << 16])
def test_interleaved_mates_are_seen_and_checked(style, block):
    pairs = [mate(number, [n], style) for n in range(60) for number in (1, 2)]
    reading = Reading(io.BytesIO(b"".join(pairs)), ["fastq"], block=block)
    reading.run()
    assert reading.report()["interleaved"]
    for lost, code, record in ((31, "mates_out_of_step", 32), (119, "mates_unequal_counts", None)):
        reading = Reading(io.BytesIO(b"".join(pairs[:lost] + pairs[lost + 1 :])), ["fastq"], block=block)
        with pytest.raises(InvalidFileError) as caught:
            reading.run()
        assert [(one.code, one.record) for one in caught.value.errors] == [(code, record)]


def test_pairs_are_told_by_the_first_four_however_small_the_blocks_are():
    """A duplicate at the very beginning does not make a pair, though the first block holds no more."""
    names = [1, 1, *range(2, 60)]
    body = mate(1, names, "silent")
    for block in (70, 128, 1 << 16):
        reading = Reading(io.BytesIO(body), ["fastq"], block=block)
        with pytest.raises(InvalidFileError) as caught:
            reading.run()
        assert not reading.report()["interleaved"]
        assert [(one.code, one.record) for one in caught.value.errors] == [("duplicate_name", 2)]


@pytest.mark.parametrize("pairs", [4, 30])
@pytest.mark.parametrize("block", [300, 1 << 16])
def test_a_file_that_is_interleaved_at_first_only(pairs, block):
    """Pairs to begin with, single reads after: out of step where the pairs end."""
    parts = [mate(number, [n]) for n in range(pairs) for number in (1, 2)]
    singles = [mate(1, [n]) for n in range(pairs, pairs + 50)]
    reading = Reading(io.BytesIO(b"".join(parts + singles)), ["fastq"], block=block)
    with pytest.raises(InvalidFileError) as caught:
        reading.run()
    assert [(one.code, one.record) for one in caught.value.errors] == [("mates_out_of_step", 2 * pairs + 2)]


def test_the_very_record_out_of_step_is_told_where_both_files_are_at_hand():
    bodies = mate(1, NAMES), mate(2, [*NAMES[:200], 201, 200, *NAMES[202:]])
    (fault,) = compare(*map(digest, bodies))
    wanted = records_to_search(fault)
    named = [Reading(io.BytesIO(body), ["fastq"], block=1024).locate_names(wanted) for body in bodies]
    found = locate_fault(fault, *named)
    assert (found.code, found.name, found.record, found.line) == ("mates_out_of_step", "read200/1", 201, 801)
    assert found.byte == bodies[0].index(b"@read200/1")
    assert locate_fault(fault, named[0], named[0]) == fault  # nothing differs: the files were changed meanwhile


def place(number: int) -> Place:
    return Place(str(number), number + 1, 4 * number + 1, 0)


@given(st.lists(st.integers(0, 60), max_size=300), st.integers(1, 40))
def test_duplicates_are_those_that_came_before(values, block):
    duplicates = Duplicates()
    hashes = np.array(values, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for at in range(0, len(values), block):
        duplicates.add(hashes[at : at + block], lambda index, at=at: place(at + index))
    wanted = [index for index, value in enumerate(values) if value in values[:index]]
    count, found = duplicates.find(1000)
    assert (count, [one.record - 1 for one in found]) == (len(wanted), wanted)
