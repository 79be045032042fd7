"""One pass over one file: every byte hashed, every record checked and counted, and handed on if asked for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.blocks import LIMIT, Blocks
from seqdrop.reads.fasta import Fasta
from seqdrop.reads.fastq import Fastq
from seqdrop.reads.findings import FIRST, Findings, Policy, fault
from seqdrop.reads.inflate import GzipStream
from seqdrop.reads.qc import Tally
from seqdrop.reads.source import BLOCK, Digest, plain_stream
from seqdrop.reads.suffix import check_suffix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.reads.duplicates import Place
    from seqdrop.reads.name_digests import NameDigest
    from seqdrop.reads.records import Record
    from seqdrop.report.schema import Report

FORMATS = {b"@": "fastq", b">": "fasta"}
NO_FIGURES = ("origin", "residue_counts")  # of a report on reads, which have mates
BAM = b"BAM\x01"


class Reading:
    """A file being read. Call `run`, or iterate `records` to the end; then `tally`, `format`, `digest`, `findings`
    and `report` are complete. Both raise InvalidFileError at the end if the file has any error.

    `formats` are those that are taken here; `name` is the file's, whose suffix is compared with what it holds;
    `alphabet` is that of FASTA, "dna" or "protein".
    """

    def __init__(
        self,
        raw: BinaryIO,
        formats: Iterable[str],
        *,
        name: str = "",
        alphabet: str = "dna",
        policy: Policy | None = None,
        first: int = FIRST,
        block: int = BLOCK,
        limit: int = LIMIT,
    ):
        self.digest = Digest(raw)
        self.tally = Tally()
        self.findings = Findings(policy or Policy(), first)
        self.format: str | None = None
        self.compression: str | None = None
        self._formats, self._name, self._alphabet = tuple(formats), name, alphabet
        self._block, self._limit = block, limit
        self._parser: Fastq | Fasta | None = None
        self._wanted = range(0)

    def run(self) -> None:
        """Read the file to its end. Raises InvalidFileError with all its errors."""
        for _ in self._blocks(keep=False):
            pass
        self.findings.raise_errors()

    def records(self) -> Iterator[Record]:
        """The records, in order; none after the first error. Raises InvalidFileError with all errors at the end."""
        for found in self._blocks(keep=True):
            if self.findings.valid:
                yield from found if isinstance(found, list) else found.records()
        self.findings.raise_errors()

    @property
    def read_names(self) -> NameDigest:
        """The digest of names that the file's mate is compared by. Of a file that was read to its end."""
        return self._parser.naming.digest(self.digest.sha256, self._fingerprint())

    def locate_names(self, records: range) -> list[tuple[int, Place]]:
        """Hash and place of each of these names (from 0 on), as far as there are; reads no further than it must."""
        self._wanted = records
        for _ in self._blocks(keep=False):
            if len(self._parser.naming.kept) == len(records):
                break
        return self._parser.naming.kept if self._parser else []

    @property
    def number(self) -> int:
        """Records seen, the broken ones included."""
        return self._parser.number if self._parser else 0

    def report(self) -> Report:
        """As JSON: what `seqdrop validate --json` prints and reports/ holds."""
        return {
            "valid": self.findings.valid,
            "format": self.format,
            "compression": self.compression,
            "layout": self._parser.layout if self._parser else None,
            "interleaved": bool(self._parser and self._parser.naming.interleaved),
            "size": self.digest.size,
            "sha256": self.digest.sha256,
            "records": self.number,
            "errors": [one.as_entry() for one in self.findings.errors],
            "warnings": [one.as_entry() for one in self.findings.warnings],
            "counts": dict(sorted(self.findings.counts.items())),
            "qc": self.tally.report(),
        }

    def _blocks(self, keep: bool):
        try:
            stream = plain_stream(self.digest)
            yield from self._parse(stream, keep)
        except InvalidFileError as error:
            self.findings.add(error.fault)

    def _parse(self, stream, keep: bool):
        blocks = Blocks(stream, self._block, self._limit)
        blocks.fill()
        if blocks.size == 0 and blocks.broken:
            raise blocks.broken
        stream, blocks = self._opened(stream, blocks)
        parser = self._parser = self._make_parser(keep)
        parser.naming.wanted = self._wanted
        while blocks.size:
            found = parser.take(blocks)
            if not blocks.used and (blocks.final or blocks.full):
                break
            if found:
                yield found
            blocks.fill()
        if blocks.full and not blocks.final:
            self._too_long(parser)
        elif last := parser.finish():
            yield last
        self._finish(stream, blocks)

    def _opened(self, stream, blocks: Blocks):
        """Find out the format. A BAM file is turned into FASTQ on its way."""
        self.compression = _compression(stream)
        text = blocks.data[: blocks.size].tobytes()
        head = text[:4]
        if not head:
            raise InvalidFileError(fault("empty_file", "the file is empty after decompression"))
        self.format = self._format(head, text)
        if self.format not in self._formats:
            raise InvalidFileError(_format_fault(self.format, self._formats))
        for one in check_suffix(self._name, self.format, self.compression):
            self.findings.add(one)
        if self.format != "bam":
            return stream, blocks
        from seqdrop.reads.bam import BamStream  # pysam is not in every layer, and is slow to import

        stream = BamStream(stream, text, self.findings)
        blocks = Blocks(stream, self._block, self._limit)
        blocks.fill()
        if blocks.size == 0 and blocks.broken:
            raise blocks.broken
        return stream, blocks

    def _format(self, head: bytes, text: bytes) -> str | None:
        if head == BAM:
            return "bam"
        if head == b"CRAM":
            raise InvalidFileError(fault("unsupported_format", "the file is CRAM"))
        known = FORMATS.get(text.lstrip(b"\r\n")[:1])
        return "fasta" if known is None and b"\n>" in text and "fasta" in self._formats else known

    def _make_parser(self, keep: bool) -> Fastq | Fasta:
        if self.format == "fasta":
            return Fasta(self.findings, self.tally, keep, self._alphabet)
        return Fastq(self.findings, self.tally)

    def _too_long(self, parser: Fastq | Fasta) -> None:
        message = f"a record has more than {self._limit // (1 << 20)} MB; the rest of the file was not read"
        self.findings.add(fault("record_too_long", message, record=parser.number + 1, **parser.place))

    def _finish(self, stream, blocks: Blocks) -> None:
        if blocks.broken:
            self.findings.add(blocks.broken.fault)
        elif blocks.final:
            self.digest.drain()
            try:
                stream.check_end()
            except InvalidFileError as error:
                self.findings.add(error.fault)
        if self.format == "bam":
            self.findings.change(lambda one: replace(one, line=None, byte=None) if one.record else one)

    def _fingerprint(self) -> str:
        """Of the contents, however compressed: the figures that two files of other reads never share."""
        figures = {key: value for key, value in self.tally.report().items() if key not in NO_FIGURES}
        return hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()[:32]


def _compression(stream) -> str | None:
    if isinstance(stream, GzipStream):
        return "bgzf" if stream.bgzf else "gzip"
    return None


def _format_fault(found: str | None, formats: tuple[str, ...]) -> Fault:
    expected = " or ".join(name.upper() for name in formats)
    what = found.upper() if found else "neither FASTQ (@) nor FASTA (>)"
    advice = f"This prefix takes {expected}. Drop the file under the prefix of its format, or correct its first line."
    return Fault("wrong_format", f"the file is {what}, but {expected} is expected here", advice, line=1, byte=0)
