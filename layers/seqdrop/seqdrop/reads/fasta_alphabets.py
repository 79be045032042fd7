"""What characters may stand in FASTA of nucleotides, what to say of one that may not, and how often each stands.

What letters may stand in FASTA of proteins, what to say of a byte that may not, and how often each stands.

The 20 amino acids, X (any), B (D or N), Z (E or Q), J (I or L), U and O, either case. A `*` that ends a record is the
stop codon of its gene: it is left out, with a warning. Anywhere else it is an error, and so is a gap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.fastq_rows import CR, TAB
from seqdrop.reads.findings import fault
from seqdrop.reads.measure import BASES, Measure
from seqdrop.reads.records import NUCLEOTIDES, NUCLEOTIDES_BUT_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.errors import Fault
    from seqdrop.reads.qc import Tally

AMINO_ACIDS = b"ACDEFGHIKLMNPQRSTVWYBXZJUO*acdefghiklmnpqrstvwybxzjuo"
PROTEIN_BELOW = 0.6  # of a line's letters are A, C, G, T, U or N; in DNA nearly all are, in proteins a quarter


def table(letters: bytes) -> np.ndarray:
    """True at these bytes."""
    found = np.zeros(256, bool)
    found[list(letters)] = True
    return found


TEXT = table(bytes([TAB, *range(32, 127)]))


class Letters:
    """FASTA of nucleotides: what may stand there (`legal`), and what no policy forbids (`plain`)."""

    legal, plain = table(NUCLEOTIDES), table(NUCLEOTIDES_BUT_CODES)
    longest: int | None = None
    """Letters of a record; None: any number."""

    def code_of(self, text: np.ndarray, byte: int, header: bool, illegal: bool) -> str:
        """The code for the first wrong `byte` of a line; `illegal` unless it is an IUPAC code that is not taken."""
        if code := common_code(byte, header):
            return code
        if not illegal:
            return "ambiguous_base"
        line = text.tobytes()
        dna = len(line) - len(line.translate(None, NUCLEOTIDES_BUT_CODES))
        protein = not line.translate(None, AMINO_ACIDS) and dna < PROTEIN_BELOW * len(line)
        return "protein_suspected" if protein else "illegal_base"

    def ends_in_stop(self, text: np.ndarray) -> bool:
        """Whether a line is sound but for a `*` at its end: of proteins alone."""
        return False

    def count(self, tally: Tally, counts: np.ndarray) -> None:
        """Add how often each byte stands in sequences."""
        tally.add_bases(counted(counts))

    def about(self, tally: Tally) -> Iterable[Fault]:
        """What can be said of the file as a whole."""
        return ()


def common_code(byte: int, header: bool) -> str | None:
    """The code for a byte that may stand in no sequence file, or not in its headers."""
    odd = {0: "nul_byte", CR: "mixed_line_ends"}.get(byte, "control_character" if header else None)
    return "non_ascii" if byte > 127 else odd


def counted(counts: np.ndarray) -> Measure:
    """Byte counts of sequences as a Measure without positions."""
    total = Measure()
    both = counts.copy()
    both[65:91] += counts[97:123]
    for row, base in enumerate(BASES):
        total.bins[row, 0] = both[base]
    total.bins[3, 0] += both[ord("U")]
    total.lower = int(counts[97:123].sum())
    total.ambiguous = int(counts[Letters.legal & ~Letters.plain].sum())
    return total


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
