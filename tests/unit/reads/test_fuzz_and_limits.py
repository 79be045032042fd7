"""A short fuzz test with fixed seeds, and limits of memory for very large files."""

import subprocess
import sys

import pytest
from seqdrop.errors import InvalidFileError
from seqdrop.reads.check import Bounds, Reading

from tests.unit.reads.fuzzing import run
from tests.unit.reads.huge import Repeated, codes


@pytest.mark.parametrize("first_seed", range(0, 400, 100))
def test_no_mutation_raises_an_unexpected_exception(first_seed):
    for seed in range(first_seed, first_seed + 100):
        run(seed)


def test_a_record_over_the_limit_is_reported_where_it_begins():
    parts = [b"@a\nA\n+\nI\n@b\n", *[b"A" * 1000] * 100]
    reading = Reading(Repeated(parts), ["fastq"], bounds=Bounds(1000, 20_000))
    with pytest.raises(InvalidFileError) as caught:
        reading.run()
    fault = caught.value.fault
    assert (fault.code, fault.record, fault.line, fault.byte) == ("record_too_long", 2, 5, 9)


def test_reads_of_200_kb_are_valid():
    record = b"@a\n" + b"ACGT" * 50_000 + b"\n+\n" + b"IIII" * 50_000 + b"\n"
    assert codes([record]) == []


@pytest.mark.parametrize(
    ("name", "expected", "megabytes"),
    [
        ("a line of 1 GB", "['record_too_long']", 120),
        ("a FASTA line of 1 GB", "[]", 120),
        ("a gzip bomb", "['record_too_long']", 120),
        ("10 million reads of one base", "[]", 120 + 10 * 16),  # 16 bytes for each read: its hash and the table
    ],
)
def test_memory_is_bounded(name, expected, megabytes, repository):
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.reads.huge", name],
        capture_output=True,
        text=True,
        cwd=repository,
        check=True,
    )
    reported, _, peak = done.stdout.strip().rpartition(" ")
    assert reported == expected
    assert int(peak) <= megabytes
