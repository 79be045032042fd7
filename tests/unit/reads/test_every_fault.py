"""Every kind of fault, at a random record and at the borders of blocks, is reported with its location."""

import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading

from tests.unit.reads.planting import FASTQ_FAULTS, MIXED_ENDS, fastq

BLOCK = 4096
NOT_FIRST = {"header without @"}  # if it is in the first record, the file is not recognised as FASTQ
# In the last record these look like a file that was cut after the + or inside the quality.
NOT_LAST = {"no quality line", "quality too short", "sequence too long"}


def faults(body: bytes, block: int = BLOCK, **options) -> list:
    reading = Reading(io.BytesIO(body), ["fastq", "fasta"], bounds=Bounds(block), **options)
    try:
        reading.run()
    except InvalidFileError as error:
        return error.errors
    return []


def places(body: bytes, block: int = BLOCK) -> list[tuple]:
    return [(fault.code, fault.record, fault.line, fault.byte) for fault in faults(body, block)]


def check(planted, block: int = BLOCK) -> None:
    assert places(planted.body, block) == [(planted.code, planted.number, planted.line, planted.byte)]


ends = st.sampled_from([b"\n", b"\r\n"])


@pytest.mark.parametrize("kind", FASTQ_FAULTS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_fault_at_a_random_place_is_located(kind, data):
    count = data.draw(st.integers(2, 120))
    shortest, spread = data.draw(st.integers(4, 60)), data.draw(st.integers(1, 40))
    records = fastq(count, lambda index: shortest + index * 13 % spread, data.draw(ends))
    at = data.draw(st.integers(kind in NOT_FIRST, count - 1 - (kind in NOT_LAST)))
    planted = FASTQ_FAULTS[kind](records, at)
    check(planted, data.draw(st.sampled_from([256, 1024, BLOCK])))


@pytest.mark.parametrize("kind", MIXED_ENDS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_line_with_another_end_is_located(kind, data):
    count = data.draw(st.integers(2, 120))
    records = fastq(count, lambda index: 30, data.draw(ends))
    planted = MIXED_ENDS[kind](records, data.draw(st.integers(1, count - 1)))
    check(planted, data.draw(st.sampled_from([256, 1024, BLOCK])))


@pytest.mark.parametrize("kind", FASTQ_FAULTS)
def test_a_fault_exactly_at_the_border_of_blocks_is_located(kind):
    records = fastq(12, lambda index: 20 + index % 3)
    planted = FASTQ_FAULTS[kind](records, 5)
    for border in range(max(64, planted.byte - 30), planted.byte + 60):
        check(planted, border)


@pytest.mark.parametrize("kind", FASTQ_FAULTS)
def test_a_fault_in_gzip_is_located(kind):
    planted = FASTQ_FAULTS[kind](fastq(60, lambda index: 50), 37)
    packed = gzip.compress(planted.body[:1000]) + gzip.compress(planted.body[1000:])
    assert places(packed) == [(planted.code, planted.number, planted.line, planted.byte)]


def test_all_of_several_faults_are_reported():
    records = fastq(400, lambda index: 40)
    records[7][1] = b"E" + records[7][1][1:]
    records[150][3] = records[150][3][1:]
    del records[151][2]
    records[399][2] = b"+other\n"
    body = b"".join(part for record in records for part in record)
    reported = [(code, number) for code, number, _, _ in places(body)]
    assert reported == [
        ("illegal_base", 8),
        ("length_mismatch", 151),
        ("missing_plus", 152),
        ("plus_name_differs", 400),
    ]


def test_the_first_faults_are_described_and_the_others_counted():
    records = fastq(500, lambda index: 40)
    for at in range(0, 500, 2):
        records[at][1] = b"!" + records[at][1][1:]
    body = b"".join(part for record in records for part in record)
    reading = Reading(io.BytesIO(body), ["fastq"], bounds=Bounds(BLOCK, first=5))
    with pytest.raises(InvalidFileError) as caught:
        reading.run()
    assert [fault.record for fault in caught.value.errors] == [1, 3, 5, 7, 9]
    assert caught.value.counts == {"illegal_base": 250}
    assert reading.report()["counts"] == {"illegal_base": 250}
    assert reading.tally.records == 250  # the valid ones
    assert reading.number == 500
