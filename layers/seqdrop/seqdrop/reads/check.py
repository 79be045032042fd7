"""One pass over one file: every record checked and counted, and handed on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from seqdrop.errors import Fault, InvalidFile
from seqdrop.reads import fasta, fastq
from seqdrop.reads.lines import Lines
from seqdrop.reads.qc import Tally
from seqdrop.reads.records import Record
from seqdrop.reads.source import Digest, compression_faults, plain_stream

PARSERS = {b"@": ("fastq", fastq.records), b">": ("fasta", fasta.records)}


class Reading:
    """A file being read. Iterate `records()` to its end; then `tally`, `format` and `digest` are complete."""

    def __init__(self, raw: BinaryIO, formats: Iterable[str]):
        self.digest = Digest(raw)
        self.tally = Tally()
        self.format: str | None = None
        self._formats = tuple(formats)

    def records(self) -> Iterator[Record]:
        """Every record, in order. Raises InvalidFile at the first fault."""
        with compression_faults():
            lines = Lines(plain_stream(self.digest))
            for record in self._parser(lines)(lines):
                self.tally.add(record)
                yield record
        self.digest.drain()

    def _parser(self, lines: Lines):
        first = (lines.peek() or b"")[:1]
        if not first:
            advice = "The file is empty after decompression. Upload it again."
            raise InvalidFile(Fault("empty_file", "the file holds no records", advice))
        self.format, parser = PARSERS.get(first, (None, None))
        if self.format not in self._formats:
            raise InvalidFile(_format_fault(self.format, self._formats))
        return parser


def _format_fault(found: str | None, formats: tuple[str, ...]) -> Fault:
    expected = " or ".join(name.upper() for name in formats)
    what = found.upper() if found else "neither FASTQ (@) nor FASTA (>)"
    advice = f"This prefix takes {expected}. Drop the file under the prefix of its format, or correct its first line."
    return Fault("wrong_format", f"the file is {what}, but {expected} is expected here", advice, line=1, byte=0)
