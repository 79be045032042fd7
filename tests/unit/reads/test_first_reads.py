"""Duplicates and barcodes of the first reads of a file."""

import io

import pytest
from seqdrop.reads.check import Reading
from seqdrop.reads.first_reads import LENGTH, MOST


def look(*records: tuple[str, str]):
    text = "".join(f"@{name}\n{sequence}\n+\n{'I' * len(sequence)}\n" for name, sequence in records)
    reading = Reading(io.BytesIO(text.encode()), ["fastq"], name="x.fastq")
    reading.run()
    return reading.tally.first_reads


def test_reads_are_duplicates_if_their_first_bases_are_equal():
    start = "ACGT" * (LENGTH // 4) + "AC"
    first = look(("a", start + "A"), ("b", start + "C"), ("c", "T" + start), ("d", "ACG"), ("e", "ACG"))
    assert (first.number, first.duplicates, first.duplicate_share) == (5, 2, 0.4)


def test_barcodes_are_counted_where_names_carry_them():
    names = [f"M:1:F:1:1:1:{number} 1:N:0:{barcode}" for number, barcode in enumerate(["AC+GT"] * 3 + ["TT", "3"])]
    assert look(*((name, "ACGT") for name in names)).barcodes == [("AC+GT", 3), ("TT", 1)]
    assert look(("read/1", "ACGT")).barcodes == []


def test_a_file_without_reads_has_no_share():
    reading = Reading(io.BytesIO(b""), ["fastq"], name="x.fastq")
    with pytest.raises(Exception, match="empty"):
        reading.run()
    assert reading.tally.first_reads.duplicate_share is None


def test_only_the_first_reads_are_looked_at():
    first = look(*((str(number), "ACGT") for number in range(MOST + 10)))
    assert (first.number, first.duplicates) == (MOST, MOST - 1)
