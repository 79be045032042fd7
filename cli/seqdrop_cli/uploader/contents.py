"""What a file is, by its first bytes and its name: a sequence file that the pipeline accepts, or not.

The file is not validated here: the pipeline does that, and says what is wrong.
"""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.companions.mates import parse
from seqdrop.config.kind import DNA, PROTEIN
from seqdrop.reads.suffix import BY_SUFFIX, PACKED

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE_BYTES = 1 << 16  # of the uncompressed content
PROTEIN_SUFFIXES = frozenset({"faa", "pep"})
# Letters of amino acids that are no code of a nucleotide, and the stop; a FASTA of DNA has none of them.
PROTEIN_LETTERS = re.compile(rb"[EFILPQJOZ*]", re.IGNORECASE)
SAM_HEADER = re.compile(rb"@(HD|SQ|RG|PG|CO)\t")
UNDETERMINED = re.compile(r"(^|[_.-])(undetermined|unassigned|unclassified)([_.-]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Content:
    """The format of a file ("fastq", "fasta", "bam", or None), the alphabet of a FASTA, and whether it has samples.

    `why` says why there are no reads of a sample in it: index reads, or reads that belong to no sample; "" otherwise.
    """

    format: str | None
    alphabet: str = DNA
    why: str = ""


def look(path: Path) -> Content:
    """Return what a file is. An unreadable file is what its suffix says."""
    head = read_head(path)
    format_ = _format_of(head) or _format_of_suffix(path.name)
    is_protein = format_ == "fasta" and _has_protein(head, path.name)
    why = explain_no_sample(path.name) if format_ == "fastq" else ""
    return Content(format_, PROTEIN if is_protein else DNA, why)


def explain_no_sample(name: str) -> str:
    """Return why the reads of a FASTQ belong to no sample, by its name; "" if they do."""
    role = parse(name)
    if role and role.kind == "I":
        return "index reads"
    return "reads of no sample" if UNDETERMINED.search(name) else ""


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, uncompressed; b"" if it cannot be read."""
    try:
        with path.open("rb") as plain:
            head = plain.read(SAMPLE_BYTES)
        if not head.startswith(b"\x1f\x8b"):
            return head
        with gzip.open(path) as compressed:
            return compressed.read(SAMPLE_BYTES)
    except (OSError, EOFError, zlib.error):
        return b""


def _format_of(head: bytes) -> str | None:
    if head.startswith(b"BAM\1"):
        return "bam"
    if head.startswith(b"@") and not SAM_HEADER.match(head):
        return "fastq"
    return "fasta" if head.startswith(b">") else None


def _format_of_suffix(name: str) -> str | None:
    suffixes = name.lower().split(".")[1:]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return BY_SUFFIX.get(suffixes[-1]) if suffixes else None


def _has_protein(head: bytes, name: str) -> bool:
    """Return True for a FASTA of proteins, by its residues or its suffix: a short protein may look like DNA."""
    lines = (line for line in head.splitlines() if not line.startswith(b">"))
    return bool(PROTEIN_SUFFIXES & set(name.lower().split("."))) or any(map(PROTEIN_LETTERS.search, lines))
