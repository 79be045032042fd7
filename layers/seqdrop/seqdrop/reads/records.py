"""One entry of a sequence file. This module must not import numpy, which functions without the reads layer lack."""

from __future__ import annotations

from typing import NamedTuple

# IUPAC nucleotide codes (NC-IUB 1984), including U of RNA, in upper and lower case.
NUCLEOTIDES = b"ACGTURYSWKMBDHVNacgturyswkmbdhvn"
NUCLEOTIDES_BUT_CODES = b"ACGTUNacgtun"


class Record(NamedTuple):
    """One entry of a file.

    `number` counts from 1. `quality` is None for FASTA, otherwise as long as `sequence`. `is_rna` is set by `as_dna`.
    """

    number: int
    name: str
    sequence: bytes
    quality: bytes | None = None
    is_rna: bool = False


RNA_TO_DNA = bytes.maketrans(b"Uu", b"Tt")


def as_dna(record: Record) -> Record:
    """Return a record with T for each U, as the models of DNA know bases; case does not change.

    `is_rna` is True if the record has U but no T. If it has both, or neither, it counts as DNA.
    """
    bases = record.sequence
    if b"U" not in bases and b"u" not in bases:
        return record
    return record._replace(sequence=bases.translate(RNA_TO_DNA), is_rna=b"T" not in bases and b"t" not in bases)
