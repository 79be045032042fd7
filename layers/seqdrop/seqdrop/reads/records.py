"""One entry of a sequence file. (No numpy here: functions that only read work items have none.)"""

from __future__ import annotations

from typing import NamedTuple

# IUPAC nucleotide codes (NC-IUB 1984), RNA's U included, either case.
NUCLEOTIDES = b"ACGTURYSWKMBDHVNacgturyswkmbdhvn"
NUCLEOTIDES_BUT_CODES = b"ACGTUNacgtun"


class Record(NamedTuple):
    """One entry. `number` counts from 1; `quality` is None in FASTA, else as long as `sequence`."""

    number: int
    name: str
    sequence: bytes
    quality: bytes | None = None
