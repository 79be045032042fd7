"""One pass over one file, which hashes every byte and checks and counts every record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.errors import Fault, InvalidFileError
from seqdrop.reads.blocks import LIMIT, Blocks
from seqdrop.reads.digest import BLOCK, Digest
from seqdrop.reads.expansion import Expansion
from seqdrop.reads.fasta import Fasta
from seqdrop.reads.fasta_records import LONGEST_KEPT
from seqdrop.reads.fastq import Fastq
from seqdrop.reads.findings import FIRST, Findings, Policy, fault
from seqdrop.reads.formats import describe_wrong_format, detect_format
from seqdrop.reads.inflate import GzipStream
from seqdrop.reads.qc import Tally
from seqdrop.reads.signatures import BYTE_ORDER_MARK
from seqdrop.reads.source import open_stream
from seqdrop.reads.suffix import check_suffix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from _typeshed import SupportsRead

    from seqdrop.reads.batch import Reads
    from seqdrop.reads.duplicates import NameLocation
    from seqdrop.reads.name_digests import NameDigest
    from seqdrop.reads.records import Record
    from seqdrop.reads.source import PlainText
    from seqdrop.report.schema import Report

    Batch = Reads | list[Record]

REST = 1 << 23  # bytes that are read after an error that ends the parsing, because the end of the file may be near
# Figures that are not part of the fingerprint: those that do not describe the content of reads, and, because
# fingerprints are stored, those that versions up to 0.2.0 did not have.
NOT_IN_FINGERPRINT = (
    "origin",
    "residue_counts",
    "alphabet",
    "uracil",
    "mean_quality_from_errors",
    "read_quality_from_errors",
)


@dataclass(frozen=True)
class Bounds:
    """Limits of a reading.

    `block` is the size of a block, in bytes. `limit` is the size of the largest buffer, and therefore of the longest
    FASTQ record, in bytes. `first` is the number of errors, and of warnings, that are reported with their locations.
    `expanded` is the number of bytes to which a compressed file may expand; None for the default of `Expansion`.
    `kept` is the length of the longest FASTA record that is kept in memory, in bases.
    """

    block: int = BLOCK
    limit: int = LIMIT
    first: int = FIRST
    expanded: int | None = None
    kept: int = LONGEST_KEPT


class Reading:
    """A file that is read once.

    Call `run`, or iterate `records` to its end. Both raise InvalidFileError at the end if the file has any error. After
    that, `tally`, `format`, `digest`, `findings` and `report` are final.

    `raw` may be a `Digest`, for example one that computes MD5 as well. `formats` are the allowed formats: "fastq",
    "fasta", "bam". The suffix of `name` is compared with the content. Set `size` if the size of the file is known;
    otherwise the report has it only if the file was read to its end. `alphabet` is that of FASTA records: "dna" or
    "protein".
    """

    def __init__(
        self,
        raw: SupportsRead[bytes],
        formats: Iterable[str],
        *,
        name: str = "",
        alphabet: str = "dna",
        policy: Policy | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._bounds = bounds or Bounds()
        self.digest = raw if isinstance(raw, Digest) else Digest(raw)
        self.size: int | None = None
        self.tally = Tally()
        self.findings = Findings(policy or Policy(), self._bounds.first)
        self.format: str | None = None
        self.compression: str | None = None
        self._formats = tuple(formats)
        self._name = name
        self._alphabet = alphabet
        self._parser: Fastq | Fasta | None = None
        self._requested = range(0)  # 0-based numbers of the names to locate

    def run(self) -> None:
        """Read the file to its end. Raise InvalidFileError with all its errors."""
        for _ in self._read(keep=False):
            pass
        self.findings.raise_errors()

    def records(self) -> Iterator[Record]:
        """Yield the records in order, up to the first error. Raise InvalidFileError with all errors at the end."""
        for batch in self._read(keep=True):
            if self.findings.valid:
                yield from batch if isinstance(batch, list) else batch.records()
        self.findings.raise_errors()

    @property
    def read_names(self) -> NameDigest:
        """The digest of names for the comparison with the file's mate, after the file was read to its end.

        Raise ValueError if the file has no records.
        """
        if self._parser is None:
            raise ValueError("the file has no records")
        return self._parser.name_checks.digest(self.digest.sha256, self._fingerprint())

    def locate_names(self, records: range) -> list[tuple[int, NameLocation]]:
        """Return (hash of the base name, location) of the records with these 0-based numbers, if they exist.

        Reading stops after the block with the last of them.
        """
        self._requested = records
        for _ in self._read(keep=False):
            if self._parser and len(self._parser.name_checks.located) == len(records):
                break
        return self._parser.name_checks.located if self._parser else []

    @property
    def number(self) -> int:
        """The number of records read so far, broken ones included."""
        return self._parser.number if self._parser else 0

    def report(self) -> Report:
        """Return the report as JSON. `seqdrop validate --json` prints it; the reports of uploads contain it."""
        return {
            "valid": self.findings.valid,
            "format": self.format,
            "compression": self.compression,
            "layout": self._parser.layout if self._parser else None,
            "interleaved": bool(self._parser and self._parser.name_checks.interleaved),
            "size": self.digest.size if self.digest.is_complete else self.size,
            "sha256": self.digest.sha256 if self.digest.is_complete else None,
            "records": self.number,
            "errors": [error.as_entry() for error in self.findings.errors],
            "warnings": [warning.as_entry() for warning in self.findings.warnings],
            "counts": dict(sorted(self.findings.counts.items())),
            "qc": self.tally.report(),
        }

    def _read(self, keep: bool) -> Iterator[Batch]:
        """Yield batches of valid records; records of FASTA only if `keep`."""
        try:
            expansion = Expansion(self._bounds.expanded, self.size)
            yield from self._parse(open_stream(self.digest, expansion), keep)
        except InvalidFileError as error:
            self.findings.add(error.fault)
            self._drain_rest()

    def _parse(self, stream: PlainText, keep: bool) -> Iterator[Batch]:
        blocks = self._first_block(stream)
        stream, blocks = self._open(stream, blocks)
        parser = self._parser = self._make_parser(keep)
        if self.format != "bam":
            self._skip_byte_order_mark(parser, blocks)
        parser.name_checks.requested = self._requested
        while blocks.size:
            batch = parser.take(blocks)
            if not blocks.used and (blocks.final or blocks.full):
                break
            if batch:
                yield batch
            blocks.fill()
        if blocks.full and not blocks.final:
            self._report_too_long(parser)
        elif last := parser.finish():
            yield last
        self._finish(stream, blocks, parser)

    def _first_block(self, stream: PlainText) -> Blocks:
        """Return a buffer with the first block. Raise InvalidFileError if the stream is damaged before any data."""
        blocks = Blocks(stream, self._bounds.block, self._bounds.limit)
        blocks.fill()
        if blocks.size == 0 and blocks.broken:
            raise blocks.broken
        return blocks

    def _open(self, stream: PlainText, blocks: Blocks) -> tuple[PlainText, Blocks]:
        """Detect the format. A BAM becomes a stream of FASTQ."""
        self.compression = _detect_compression(stream)
        text = blocks.data[: blocks.size].tobytes()
        if not text.removeprefix(BYTE_ORDER_MARK):
            what = "only a byte order mark" if text else "empty after decompression"
            raise InvalidFileError(fault("empty_file", f"the file is {what}"))
        self.format = detect_format(text, self._formats, self._name, is_packed=self.compression is not None)
        if self.format not in self._formats:
            raise InvalidFileError(describe_wrong_format(self.format, self._formats))
        for suffix_fault in check_suffix(self._name, self.format, self.compression):
            self.findings.add(suffix_fault)
        if self.format != "bam":
            return stream, blocks
        from seqdrop.reads.bam import BamStream  # pysam is not in every layer, and is slow to import

        fastq = BamStream(stream, text, self.findings)
        return fastq, self._first_block(fastq)

    def _skip_byte_order_mark(self, parser: Fastq | Fasta, blocks: Blocks) -> None:
        size = min(blocks.size, len(BYTE_ORDER_MARK))
        if blocks.data[:size].tobytes() == BYTE_ORDER_MARK:
            self.findings.add(fault("byte_order_mark", "the file starts with a byte order mark", line=1, byte=0))
            parser.skip(len(BYTE_ORDER_MARK))
            blocks.use(len(BYTE_ORDER_MARK))
            blocks.fill()

    def _make_parser(self, keep: bool) -> Fastq | Fasta:
        if self.format == "fasta":
            return Fasta(self.findings, self.tally, keep, self._alphabet, self._bounds.kept)
        return Fastq(self.findings, self.tally, is_bam=self.format == "bam")

    def _report_too_long(self, parser: Fastq | Fasta) -> None:
        megabytes = self._bounds.limit // (1 << 20)
        message = f"a record has more than {megabytes} MB; the rest of the file was not read"
        location = parser.location
        location["record"] = parser.number + 1
        self.findings.add(fault("record_too_long", message, **location))
        if self.format != "bam":  # a thread may still read a BAM
            self.digest.drain(REST)

    def _finish(self, stream: PlainText, blocks: Blocks, parser: Fastq | Fasta) -> None:
        """Report damage of the stream; if there is none, read the rest of the file and check its end marker."""
        if blocks.broken:
            self.findings.add(self._locate(blocks.broken.fault, parser))
            self._drain_rest()
        elif blocks.final:
            self.digest.drain()
            for end_fault in stream.end_faults():
                self.findings.add(end_fault)
        if self.format == "bam":
            self.findings.replace_faults(_without_lines)

    def _drain_rest(self) -> None:
        """Read on after the parsing has ended: to the end if the file stays valid, because its hash is then needed."""
        self.digest.drain(None if self.findings.valid else REST)

    def _locate(self, original: Fault, parser: Fastq | Fasta) -> Fault:
        """Return a fault of the stream; if the data are sound but too many, with the record at which reading stopped.

        The records of a BAM have no lines, so its fault keeps the offset in the compressed file.
        """
        if original.code != "gzip_expansion" or self.format == "bam":
            return original
        location = parser.location
        location["record"] = max(parser.number, 1)
        return fault(original.code, original.message, **location)

    def _fingerprint(self) -> str:
        """Return a hash of the figures. It is the same for the same reads with another compression."""
        figures = {key: value for key, value in self.tally.report().items() if key not in NOT_IN_FINGERPRINT}
        return hashlib.sha256(json.dumps(figures, sort_keys=True).encode()).hexdigest()[:32]


def _without_lines(original: Fault) -> Fault:
    """Return a fault without line and byte if it is of a BAM record: they refer to the FASTQ that was made from it."""
    return replace(original, line=None, byte=None) if original.record else original


def _detect_compression(stream: PlainText) -> str | None:
    if isinstance(stream, GzipStream):
        return "bgzf" if stream.bgzf else "gzip"
    return None
