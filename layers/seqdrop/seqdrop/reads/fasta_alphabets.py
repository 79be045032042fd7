"""The alphabets of FASTA, nucleotides and proteins: their characters, the codes of faults for others, and counts.

A protein may contain the 20 amino acids, X (any), B (D or N), Z (E or Q), J (I or L), U and O, in either case. A `*` at
the end of a record is the stop codon of its gene; it is omitted, with a warning. A `*` anywhere else is an error, and
so is a gap.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.characters import TEXT, TITLE_SEPARATOR
from seqdrop.reads.codes import CODES, ERROR
from seqdrop.reads.fastq_rows import CR
from seqdrop.reads.findings import fault
from seqdrop.reads.measure import BASES, Measure
from seqdrop.reads.records import NUCLEOTIDES, NUCLEOTIDES_BUT_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.errors import Fault
    from seqdrop.reads.arrays import BoolArray, Int64Array, UInt8Array
    from seqdrop.reads.findings import Findings
    from seqdrop.reads.qc import Tally

AMINO_ACIDS = b"ACDEFGHIKLMNPQRSTVWYBXZJUO*acdefghiklmnpqrstvwybxzjuo"
PROTEIN_BELOW = 0.6
"""A line of amino acids counts as protein if a smaller share of its letters is A, C, G, T, U or N. In DNA nearly all
are, in proteins about a quarter."""
PROTEINOGENIC = b"ACDEFGHIKLMNPQRSTVWY"
OTHERS = b"XBZJUO"
DNA_LETTERS = "ACGTUN"
DNA_FROM, DNA_LEAST = 0.95, 50
"""A protein file with at least DNA_LEAST letters counts as DNA if more than this share of them is in DNA_LETTERS."""
LONGEST = 100_000
"""Most residues of a record: twice the longest known protein, PKZILLA-1 with 45,212. The model code has this limit."""
STOP = ord("*")


def make_table(characters: bytes) -> BoolArray:
    """Return a table of 256 flags that are True for these bytes."""
    flags = np.zeros(256, bool)
    flags[list(characters)] = True
    return flags


HEADER_TEXT = make_table(TEXT + TITLE_SEPARATOR)


_AMINO_ACIDS = make_table(AMINO_ACIDS)
_GAPS = make_table(b"-.")


class Nucleotides:
    """The alphabet of nucleotides. `legal` bytes may occur; `plain` bytes are allowed by every policy."""

    legal = make_table(NUCLEOTIDES)
    plain = make_table(NUCLEOTIDES_BUT_CODES)
    longest: int | None = None
    """Most characters of a record; None means no limit."""

    def __init__(self) -> None:
        self._counts = np.zeros(256, np.int64)  # of all bytes in sequences

    def code_of(self, text: UInt8Array, byte: int, is_header: bool, is_illegal: bool) -> str:
        """Return the code of the fault that is the first wrong `byte` of the line `text`.

        `is_illegal` is False if the byte is legal, but an IUPAC code that the policy does not allow.
        """
        if code := common_code(byte, is_header):
            return code
        if not is_illegal:
            return "ambiguous_base"
        counts = np.bincount(text, minlength=256)
        return "protein_suspected" if self._look_like_proteins(counts) else "illegal_base"

    def ends_in_stop(self, _text: UInt8Array) -> bool:
        """Return False, because only proteins end in a stop."""
        return False

    def count(self, tally: Tally, counts: Int64Array) -> None:
        """Add the number of each byte in sequences to the tally."""
        self._counts += counts
        tally.add_bases(count_bases(counts))

    def file_faults(self, tally: Tally) -> Iterable[Fault]:
        """Return the faults of the file as a whole."""
        return tally.alphabet_faults()

    def merge_faults(self, findings: Findings) -> None:
        """Replace the faults of a file of proteins by one that says so. Call it at the end of the file.

        In a file that has other sequences as well, only the faults of lines that look like proteins become one.
        """
        codes = {"protein_suspected"}
        if self._look_like_proteins(self._counts):
            codes |= {
                "illegal_base",
                *({"ambiguous_base"} if findings.policy.severity("ambiguous_base") == ERROR else ()),
            }
        findings.merge(codes, _describe_proteins)

    def _look_like_proteins(self, counts: Int64Array) -> bool:
        """Return True if bytes, counted by value, are amino acids, and too few of them are bases for nucleotides."""
        residues = int(counts[_AMINO_ACIDS].sum())
        is_all = residues + int(counts[_GAPS].sum()) == int(counts.sum())
        bases = int(counts[self.plain].sum())
        return is_all and bases < PROTEIN_BELOW * residues and bool(counts[~self.legal].any())


def _describe_proteins(first: Fault) -> Fault:
    """Return the fault of a file of proteins, at the place of its first fault."""
    message = "the sequences are amino acids from here on, but nucleotides are expected"
    return replace(first, code="protein_suspected", message=message, advice=CODES["protein_suspected"].advice)


def common_code(byte: int, is_header: bool) -> str | None:
    """Return the code of a wrong byte that is the same for all alphabets; None if it depends on the alphabet."""
    if byte > 127:
        return "non_ascii"
    if byte == 0:
        return "nul_byte"
    if byte == CR:
        return "mixed_line_ends"
    return "control_character" if is_header else None


def count_bases(counts: Int64Array) -> Measure:
    """Return the counts of bytes in sequences, (256,), as a Measure without positions."""
    total = Measure()
    both = counts.copy()
    both[65:91] += counts[97:123]
    for row, base in enumerate(BASES):
        total.bins[row, 0] = both[base]
    total.uracil = int(both[ord("U")])
    total.bins[3, 0] += total.uracil
    total.lower = int(counts[97:123].sum())
    total.ambiguous = int(counts[Nucleotides.legal & ~Nucleotides.plain].sum())
    return total


class Residues:
    """The alphabet of proteins. `legal` bytes may occur. No policy changes them, so `plain` is the same."""

    legal = make_table(PROTEINOGENIC + OTHERS + (PROTEINOGENIC + OTHERS).lower())
    plain = legal
    longest: int | None = LONGEST

    def code_of(self, _text: UInt8Array, byte: int, is_header: bool, _is_illegal: bool) -> str:
        """Return the code of the first wrong `byte` of a line."""
        if code := common_code(byte, is_header):
            return code
        if byte == STOP:
            return "internal_stop"
        return "alignment_gap" if byte in b"-." else "illegal_residue"

    def ends_in_stop(self, text: UInt8Array) -> bool:
        """Return True if a line is valid except for a final `*`."""
        return bool(len(text)) and text[-1] == STOP and bool(self.legal[text[:-1]].all())

    def count(self, tally: Tally, counts: Int64Array) -> None:
        """Add the number of each byte in sequences to the tally."""
        tally.add_residues(counts)

    def merge_faults(self, findings: Findings) -> None:
        """Do nothing, because the faults of proteins are reported one by one."""

    def file_faults(self, tally: Tally) -> Iterable[Fault]:
        """Return the faults of the file as a whole."""
        residues = tally.residues or Counter()
        total = residues.total()
        like_dna = sum(residues[letter] for letter in DNA_LETTERS)
        if total < DNA_LEAST or like_dna <= DNA_FROM * total:
            return ()
        return (fault("nucleotides_suspected", f"{like_dna / total:.1%} of its letters are A, C, G, T, U or N"),)


Alphabet = Nucleotides | Residues
