"""Convert unaligned BAM to a stream of FASTQ, so that one parser checks both formats.

Our gzip reader decompresses the BGZF layer and locates damage in it. It passes the content through a pipe to pysam
(htslib), which parses it. Format: SAM specification, section 4.2.
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, BinaryIO, Protocol

from seqdrop.errors import InvalidFileError
from seqdrop.reads.findings import Findings, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

    from seqdrop.reads.source import PlainText

BATCH = 2_000  # records that become FASTQ at a time
PIPE = 1 << 16  # bytes that are written to the pipe at a time
# SAM flags. PAIRED means that the template has several reads; SKIPPED are secondary and supplementary.
PAIRED, UNMAPPED, NEXT_UNMAPPED, MATE_1, MATE_2, SKIPPED = 0x1, 0x4, 0x8, 0x40, 0x80, 0x900
NO_READS_ADVICE = (
    "Were all reads filtered out, or was the BAM made from an empty file? Make it again from its source, or delete it."
)


class Alignment(Protocol):
    """The attributes of pysam.AlignedSegment that are used here."""

    flag: int
    query_name: str | None
    query_sequence: str | None
    qual: str | None


class BamStream:
    """The reads of a BAM as FASTQ bytes. Reading raises InvalidFileError if the BAM is damaged.

    `plain` is the decompressed BAM and `head` the bytes that were already read from it. Missing qualities and the first
    mapped read are reported to `findings`. Raise InvalidFileError if pysam is not installed.
    """

    def __init__(self, plain: PlainText, head: bytes, findings: Findings) -> None:
        self._pysam = _import_pysam()
        self._plain = plain
        self._findings = findings
        self._damage: InvalidFileError | None = None
        self._number = 0
        self._text = memoryview(b"")
        reading, writing = os.pipe()
        self._feeder = threading.Thread(target=self._feed, args=(writing, head), daemon=True)
        self._feeder.start()
        self._batches = self._read_batches(reading)

    def readinto(self, view: memoryview, /) -> int:
        """Fill the start of `view` and return the number of bytes; 0 at the end of the file."""
        while not self._text and (text := next(self._batches, None)) is not None:
            self._text = memoryview(text)
        size = min(len(view), len(self._text))
        view[:size] = self._text[:size]
        self._text = self._text[size:]
        return size

    def check_end(self) -> None:
        """Raise InvalidFileError if the compressed file has no end marker."""
        self._plain.check_end()

    def _feed(self, pipe: int, head: bytes) -> None:
        """Write the decompressed BAM to the pipe; runs in a thread of its own."""
        buffer = memoryview(bytearray(PIPE))
        try:
            with os.fdopen(pipe, "wb", buffering=0) as sink:
                _write_all(sink, memoryview(head))
                while size := self._plain.readinto(buffer):
                    _write_all(sink, buffer[:size])
        except InvalidFileError as error:
            self._damage = error
        except BrokenPipeError:
            pass  # the reader stopped early and reports the reason itself

    def _read_batches(self, pipe: int) -> Iterator[bytes]:
        """Yield FASTQ of BATCH records at a time.

        The pipe is closed before the feeder is joined, because the feeder may be waiting to write to it.
        """
        broken = None
        with os.fdopen(pipe, "rb") as source:
            try:
                with self._pysam.AlignmentFile(source, "rb", check_sq=False) as bam:
                    yield from self._format_batches(bam.fetch(until_eof=True))
            except (OSError, ValueError) as error:
                broken = error
        self._feeder.join()
        if self._damage or broken:
            message = f"record {self._number + 1}, or the header before it, is not valid BAM"
            raise self._damage or InvalidFileError(fault("bam_corrupt", message)) from broken
        if not self._number:
            no_reads = fault("empty_file", "the BAM has a header, but no read")
            self._findings.add(replace(no_reads, advice=NO_READS_ADVICE))

    def _format_batches(self, records: Iterable[Alignment]) -> Iterator[bytes]:
        texts: list[bytes] = []
        try:
            for record in records:
                texts.append(self._format(record))
                if len(texts) == BATCH:
                    yield b"".join(texts)
                    texts = []
        except (OSError, ValueError):
            yield b"".join(texts)  # the valid records before the damage
            raise
        yield b"".join(texts)

    def _format(self, record: Alignment) -> bytes:
        """Return a record as FASTQ; b"" for secondary and supplementary records, which repeat a read."""
        if record.flag & SKIPPED:
            return b""
        self._number += 1
        if not record.flag & UNMAPPED and not self._findings.counts["aligned_bam"]:
            self._report("aligned_bam", "the read is mapped to a reference", record)
        sequence = record.query_sequence or ""
        quality = record.qual
        if quality is None:
            quality = "!" * len(sequence)
            if sequence:
                self._report("missing_quality", "the read has no qualities", record)
        return f"@{record.query_name}{_describe_mate(record.flag)}\n{sequence}\n+\n{quality}\n".encode("latin-1")

    def _report(self, code: str, message: str, record: Alignment) -> None:
        self._findings.add(fault(code, message, name=record.query_name, record=self._number))


def _describe_mate(flag: int) -> str:
    """Return the mate that a flag says, as the CASAVA word from which `names.py` reads it.

    Neither the first nor the last read of a template is mate 3 if the next read is unmapped, otherwise mate 4. A read
    that is the whole of its template is mate 0. The mate of another read without 0x40 and 0x80 is unknown.
    """
    which = flag & (MATE_1 | MATE_2)
    if which == MATE_1 | MATE_2:
        return " 3:N:0:" if flag & NEXT_UNMAPPED else " 4:N:0:"
    if which:
        return " 1:N:0:" if which == MATE_1 else " 2:N:0:"
    return "" if flag & PAIRED else " 0:N:0:"


def _write_all(sink: BinaryIO, block: memoryview) -> None:
    """Write a whole block; an unbuffered pipe may accept only a part of it at a time."""
    while block:
        block = block[sink.write(block) :]


def _import_pysam() -> ModuleType:
    """Return pysam, which has no types and is not in every layer. Raise InvalidFileError if it is not installed."""
    try:
        pysam = import_module("pysam")
    except ImportError as error:
        message = "the file is BAM, which needs pysam, and pysam is not installed here"
        raise InvalidFileError(fault("unsupported_format", message)) from error
    pysam.set_verbosity(0)  # otherwise htslib also writes its errors to stderr
    return pysam
