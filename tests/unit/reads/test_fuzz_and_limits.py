"""A short seeded fuzz, and files made to exhaust memory (long ones are marked so)."""

import subprocess
import sys

import pytest
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Reading

from tests.unit.reads.fuzzing import run
from tests.unit.reads.huge import Repeated, codes


@pytest.mark.parametrize("seed", range(0, 400, 100))
def test_no_mutation_makes_it_fall_over(seed):
    for one in range(seed, seed + 100):
        run(one)


def test_a_record_over_the_limit_is_refused_where_it_begins():
    reading = Reading(Repeated([b"@a\nA\n+\nI\n@b\n", *[b"A" * 1000] * 100]), ["fastq"], block=1000, limit=20_000)
    with pytest.raises(InvalidFileError) as caught:
        reading.run()
    fault = caught.value.fault
    assert (fault.code, fault.record, fault.line, fault.byte) == ("record_too_long", 2, 5, 9)


def test_reads_of_200_kb_are_read():
    record = b"@a\n" + b"ACGT" * 50_000 + b"\n+\n" + b"IIII" * 50_000 + b"\n"
    assert codes([record]) == []


@pytest.mark.parametrize(
    ("name", "found", "megabytes"),
    [
        ("a line of 1 GB", "['record_too_long']", 120),
        ("a FASTA line of 1 GB", "[]", 120),
        ("a gzip bomb", "['record_too_long']", 120),
        ("10 million reads of one base", "[]", 120 + 10 * 16),  # the names' hashes and their table
    ],
)
def test_memory_is_bounded(name, found, megabytes, repository):
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.reads.huge", name],
        capture_output=True,
        text=True,
        cwd=repository,
        check=True,
    )
    codes_found, _, peak = done.stdout.strip().rpartition(" ")
    assert codes_found == found
    assert int(peak) <= megabytes
