"""What a parser yields, and how it points at a fault."""

from __future__ import annotations

from dataclasses import dataclass

from seqdrop.errors import Fault, InvalidFile
from seqdrop.reads.lines import Lines

# IUPAC nucleotide codes (NC-IUB 1984), RNA's U included, either case.
NUCLEOTIDES = b"ACGTURYSWKMBDHVNacgturyswkmbdhvn"


@dataclass(frozen=True, slots=True)
class Record:
    """One entry. `number` counts from 1; `quality` is None in FASTA, else as long as `sequence`."""

    number: int
    name: str
    sequence: bytes
    quality: bytes | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parser stands: remembered when a line is read, used if that line proves wrong."""

    record: int
    name: str | None
    line: int
    byte: int

    @classmethod
    def at(cls, lines: Lines, record: int, name: str | None = None) -> Place:
        return cls(record, name, lines.number, lines.offset)

    def fault(self, code: str, message: str, advice: str) -> InvalidFile:
        return InvalidFile(Fault(code, message, advice, self.name, self.record, self.line, self.byte))


def header_name(header: bytes, place: Place) -> str:
    """The record's name: the header (without its first character) up to the first white space."""
    words = header[1:].split(None, 1)
    if not words or header[1:2].isspace():
        raise place.fault("empty_name", "the header has no name", "Every record needs a name after its @ or >.")
    if not words[0].isascii():
        raise place.fault("non_ascii", "the name holds characters that are not ASCII", "Rename the record.")
    return words[0].decode()


def check_bases(sequence: bytes, place: Place) -> None:
    """Raises InvalidFile unless every byte is an IUPAC nucleotide code."""
    wrong = sequence.translate(None, NUCLEOTIDES)
    if wrong:
        column = sequence.index(wrong[:1]) + 1
        raise place.fault(
            "illegal_base",
            f"column {column} holds byte 0x{wrong[0]:02x}, which is no IUPAC nucleotide code",
            "Only A C G T U, the IUPAC ambiguity codes and N may stand in a sequence. Is this a nucleotide file?",
        )
