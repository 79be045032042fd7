"""What characters may stand in FASTA of nucleotides, what to say of one that may not, and how often each stands."""

from __future__ import annotations

import numpy as np

from seqdrop.reads.measure import BASES, Measure
from seqdrop.reads.records import NUCLEOTIDES, NUCLEOTIDES_BUT_CODES
from seqdrop.reads.rows import CR, TAB

AMINO_ACIDS = b"ACDEFGHIKLMNPQRSTVWYBXZJUO*acdefghiklmnpqrstvwybxzjuo"
PROTEIN_BELOW = 0.6  # of a line's letters are A, C, G, T, U or N; in DNA nearly all are, in proteins a quarter
LEGAL = np.zeros(256, bool)
LEGAL[list(NUCLEOTIDES)] = True
PLAIN = np.zeros(256, bool)
PLAIN[list(NUCLEOTIDES_BUT_CODES)] = True
TEXT = np.zeros(256, bool)
TEXT[[TAB, *range(32, 127)]] = True


def code_of(text: np.ndarray, byte: int, header: bool, illegal: bool) -> str:
    """The code for the first wrong `byte` of a line; `illegal` unless it is an IUPAC code that is not taken here."""
    if byte > 127:
        return "non_ascii"
    if byte == 0:
        return "nul_byte"
    if byte == CR:
        return "mixed_line_ends"
    if header:
        return "control_character"
    if not illegal:
        return "ambiguous_base"
    line = text.tobytes()
    dna = len(line) - len(line.translate(None, NUCLEOTIDES_BUT_CODES))
    return (
        "protein_suspected"
        if not line.translate(None, AMINO_ACIDS) and dna < PROTEIN_BELOW * len(line)
        else "illegal_base"
    )


def counted(counts: np.ndarray) -> Measure:
    """Byte counts of sequences as a Measure without positions."""
    total = Measure()
    both = counts.copy()
    both[65:91] += counts[97:123]
    for row, base in enumerate(BASES):
        total.bins[row, 0] = both[base]
    total.bins[3, 0] += both[ord("U")]
    total.lower = int(counts[97:123].sum())
    total.ambiguous = int(counts[LEGAL & ~PLAIN].sum())
    return total
