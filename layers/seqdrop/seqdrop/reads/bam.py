"""Unaligned BAM as a stream of FASTQ, so that one engine checks both.

The BGZF layer is read by our own inflate, which places its damage exactly; pysam (htslib) parses what is in it, and
gets it through a pipe. Format: SAM specification, section 4.2.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from seqdrop.errors import InvalidFileError
from seqdrop.reads.findings import Findings, fault

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 2_000
PIPE = 1 << 16
MATE_1, MATE_2, UNMAPPED, SKIPPED = 0x40, 0x80, 0x4, 0x900  # flags; supplementary and secondary are no reads


class BamStream:
    """FASTQ bytes through `readinto`. Raises InvalidFileError where pysam is missing or the BAM is damaged.

    Mapped reads and missing qualities are told to `findings`; the former once.
    """

    def __init__(self, plain, head: bytes, findings: Findings):
        self._pysam = _pysam()
        self._plain, self._findings = plain, findings
        self._damage: InvalidFileError | None = None
        self._number = 0
        self._held = memoryview(b"")
        reading, writing = os.pipe()
        self._feeder = threading.Thread(target=self._feed, args=(writing, head), daemon=True)
        self._feeder.start()
        self._records = self._batches(reading)

    def readinto(self, view: memoryview) -> int:
        while not self._held and (text := next(self._records, None)) is not None:
            self._held = memoryview(text)
        size = min(len(view), len(self._held))
        view[:size] = self._held[:size]
        self._held = self._held[size:]
        return size

    def check_end(self) -> None:
        self._plain.check_end()

    def _feed(self, pipe: int, head: bytes) -> None:
        buffer = memoryview(bytearray(PIPE))
        try:
            with os.fdopen(pipe, "wb", buffering=0) as sink:
                _write(sink, memoryview(head))
                while size := self._plain.readinto(buffer):
                    _write(sink, buffer[:size])
        except InvalidFileError as error:
            self._damage = error
        except BrokenPipeError:
            pass  # the reader gave up first, and has said why

    def _batches(self, pipe: int) -> Iterator[bytes]:
        """FASTQ of BATCH records at a time. The pipe is closed before the feeder is waited for, or both would wait."""
        broken = None
        with os.fdopen(pipe, "rb") as source:
            try:
                with self._pysam.AlignmentFile(source, "rb", check_sq=False) as bam:
                    yield from self._texts(bam.fetch(until_eof=True))
            except (OSError, ValueError) as error:
                broken = error
        self._feeder.join()
        if self._damage or broken:
            message = f"record {self._number + 1}, or the header before it, is not BAM as specified"
            raise self._damage or InvalidFileError(fault("bam_corrupt", message)) from broken

    def _texts(self, records) -> Iterator[bytes]:
        texts = []
        try:
            for record in records:
                texts.append(self._fastq(record))
                if len(texts) == BATCH:
                    yield b"".join(texts)
                    texts = []
        except (OSError, ValueError):
            yield b"".join(texts)  # what is sound comes first
            raise
        yield b"".join(texts)

    def _fastq(self, record) -> bytes:
        if record.flag & SKIPPED:
            return b""
        self._number += 1
        if not record.flag & UNMAPPED and not self._findings.counts["aligned_bam"]:
            self._say("aligned_bam", "the read is mapped to a reference", record)
        sequence = record.query_sequence or ""
        quality = record.qual
        if quality is None:
            quality = "!" * len(sequence)
            if sequence:
                self._say("missing_quality", "the read has no qualities", record)
        mate = {MATE_1: " 1:N:0:", MATE_2: " 2:N:0:"}.get(record.flag & (MATE_1 | MATE_2), "")
        return f"@{record.query_name}{mate}\n{sequence}\n+\n{quality}\n".encode("latin-1")

    def _say(self, code: str, message: str, record) -> None:
        self._findings.add(fault(code, message, name=record.query_name, record=self._number))


def _write(sink, block: memoryview) -> None:
    """All of it: an unbuffered pipe may take a part."""
    while block:
        block = block[sink.write(block) :]


def _pysam():
    """pysam, imported when a BAM file comes: it is not in every layer. Raises InvalidFileError where it is missing."""
    try:
        import pysam
    except ImportError as error:
        message = "the file is BAM, and pysam, which reads it, is not installed here"
        raise InvalidFileError(fault("unsupported_format", message)) from error
    pysam.set_verbosity(0)  # htslib would write to stderr what is said in the report
    return pysam
