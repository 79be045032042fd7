"""What letters may stand in FASTA of proteins, what to say of a byte that may not, and how often each stands.

The 20 amino acids, X (any), B (D or N), Z (E or Q), J (I or L), U and O, either case. A `*` that ends a record is the
stop codon of its gene: it is left out, with a warning. Anywhere else it is an error, and so is a gap.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from seqdrop.errors import Fault
from seqdrop.reads.fasta_alphabets import common_code, table
from seqdrop.reads.findings import fault
from seqdrop.reads.qc import Tally

PROTEINOGENIC = b"ACDEFGHIKLMNPQRSTVWY"
OTHERS = b"XBZJUO"
NUCLEOTIDES = b"ACGTUN"
DNA_FROM, DNA_LEAST = 0.95, 50
"""A file of so many letters at the least, of which more than this share could be nucleotides, is taken for DNA."""
LONGEST = 100_000
"""Residues of a record: twice the longest protein that is known, PKZILLA-1 with 45,212. As the model code has it."""
STOP = ord("*")


class Residues:
    """FASTA of proteins."""

    legal = plain = table(PROTEINOGENIC + OTHERS + (PROTEINOGENIC + OTHERS).lower())
    longest = LONGEST

    def code_of(self, text: np.ndarray, byte: int, header: bool, illegal: bool) -> str:
        """The code for the first wrong `byte` of a line."""
        if code := common_code(byte, header):
            return code
        return "internal_stop" if byte == STOP else "alignment_gap" if byte in b"-." else "illegal_residue"

    def ends_in_stop(self, text: np.ndarray) -> bool:
        """Whether a line is sound but for a `*` at its end."""
        return bool(len(text)) and text[-1] == STOP and bool(self.legal[text[:-1]].all())

    def count(self, tally: Tally, counts: np.ndarray) -> None:
        tally.add_residues(counts)

    def about(self, tally: Tally) -> Iterator[Fault]:
        """What can be said of the file as a whole."""
        counts = tally.residues
        total, like_dna = sum(counts.values()), sum(counts.get(chr(letter), 0) for letter in NUCLEOTIDES)
        if total >= DNA_LEAST and like_dna > DNA_FROM * total:
            yield fault("nucleotides_suspected", f"{like_dna / total:.1%} of its letters are A, C, G, T, U or N")
