"""Detect the format of a file from its content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.codes import CODES
from seqdrop.reads.signatures import BYTE_ORDER_MARK, find_foreign_format, skip_blank_lines

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

FORMATS = {b"@": "fastq", b">": "fasta"}
BAM = b"BAM\x01"


def detect_format(text: bytes, formats: Collection[str], name: str = "", is_packed: bool = False) -> str | None:
    """Return the format of a file: "fastq", "fasta", "bam", or None if it is unknown.

    `text` are the first decompressed bytes, `formats` the allowed formats, and `is_packed` is True if the file is gzip.
    Raise InvalidFileError that names the format if it is a known one that Seqdrop does not read.
    """
    if text.startswith(BAM):
        return "bam"
    if foreign := find_foreign_format(text, name, is_packed):
        raise InvalidFileError(foreign)
    known = FORMATS.get(skip_blank_lines(text.removeprefix(BYTE_ORDER_MARK))[:1])
    return "fasta" if known is None and b"\n>" in text and "fasta" in formats else known


def describe_wrong_format(actual: str | None, formats: Sequence[str]) -> Fault:
    """Return the fault of a file whose format is not one of `formats`. `actual` is its format, or None."""
    expected = " or ".join(name.upper() for name in formats)
    what = actual.upper() if actual else "neither FASTQ (@) nor FASTA (>)"
    advice = CODES["wrong_format"].advice
    if actual:
        advice = f"Only {expected} is accepted here. Drop the file under a prefix that takes {actual.upper()}."
    return Fault("wrong_format", f"the file is {what}, but {expected} is expected here", advice, line=1, byte=0)
