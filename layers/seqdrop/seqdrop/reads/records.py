"""One entry of a sequence file. This module works without numpy, which functions that only read work items lack."""

from __future__ import annotations

from typing import NamedTuple

# IUPAC nucleotide codes (NC-IUB 1984), with RNA's U, in either case.
NUCLEOTIDES = b"ACGTURYSWKMBDHVNacgturyswkmbdhvn"
NUCLEOTIDES_BUT_CODES = b"ACGTUNacgtun"


class Record(NamedTuple):
    """One entry. `number` counts from 1; `quality` is None in FASTA, otherwise as long as `sequence`."""

    number: int
    name: str
    sequence: bytes
    quality: bytes | None = None
