"""One entry of a sequence file. This module must not import numpy, which functions without the reads layer lack."""

from __future__ import annotations

from typing import NamedTuple

# IUPAC nucleotide codes (NC-IUB 1984), including U of RNA, in upper and lower case.
NUCLEOTIDES = b"ACGTURYSWKMBDHVNacgturyswkmbdhvn"
NUCLEOTIDES_BUT_CODES = b"ACGTUNacgtun"


class Record(NamedTuple):
    """One entry of a file. `number` counts from 1. `quality` is None for FASTA, otherwise as long as `sequence`."""

    number: int
    name: str
    sequence: bytes
    quality: bytes | None = None
