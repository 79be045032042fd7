"""Parse FASTQ a block at a time: as a whole if the block is valid, otherwise line by line."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.batch import Reads
from seqdrop.reads.blocks import PAD, Blocks
from seqdrop.reads.codes import IGNORE
from seqdrop.reads.duplicates import NameLocation
from seqdrop.reads.examiner import Examined, Examiner
from seqdrop.reads.fastq_rows import HEADER, LF, QUALITY, SEQUENCE, Rows, locate_lines
from seqdrop.reads.findings import Findings, Location, fault
from seqdrop.reads.line_parser import LineParser, ParsedText
from seqdrop.reads.lines import Lines
from seqdrop.reads.matrix import Scratch
from seqdrop.reads.measure import measure
from seqdrop.reads.name_checks import NameChecks
from seqdrop.reads.names import Names, hash_names

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seqdrop.reads.arrays import Int64Array, UInt8Array
    from seqdrop.reads.qc import Tally

LONGEST_NAME = 200


class Fastq:
    """A parser of the blocks of a FASTQ stream; it counts into `tally` and reports to `findings`.

    `is_bam` is True if the stream is a BAM that was converted to FASTQ.
    """

    def __init__(self, findings: Findings, tally: Tally, *, is_bam: bool = False) -> None:
        self._findings = findings
        self._tally = tally
        self._line_parser = LineParser(findings)
        self.name_checks = NameChecks(findings, may_interleave=True, has_flags=is_bam)
        self._examiner = Examiner()
        self._line = 1  # location of the next block
        self._byte = 0
        self._codes_are_faults = findings.policy.severity("ambiguous_base") != IGNORE

    @property
    def number(self) -> int:
        """The number of records so far, including broken ones."""
        return self._line_parser.number

    @property
    def layout(self) -> str:
        """The layout: "multiline" if any record so far has more than four lines, otherwise "four-line"."""
        return "multiline" if self._line_parser.wrapped else "four-line"

    @property
    def location(self) -> Location:
        """The line (from 1) and byte (from 0) after all data parsed so far."""
        return {"line": self._line, "byte": self._byte}

    def skip(self, size: int) -> None:
        """Note that `size` bytes before the first line do not belong to it."""
        self._advance(size, 0)

    def take(self, blocks: Blocks) -> Reads | None:
        """Parse the complete records in the buffer and mark them as used. Return None if none of them is valid."""
        reads = self._take_block(blocks)
        return self._take_lines(blocks) if reads is None else reads

    def finish(self) -> None:
        """Report the faults that are known only at the end of the file."""
        if self._line_parser.crlf:
            self._findings.add(fault("crlf", "lines end in CR LF", line=1, byte=0))
        evidence = self._tally.find_phred64_evidence()
        if evidence:
            self._findings.add(fault("phred64_suspected", evidence))
        for file_fault in self._tally.alphabet_faults():
            self._findings.add(file_fault)
        self.name_checks.finish()

    # -- a whole block

    def _take_block(self, blocks: Blocks) -> Reads | None:
        examined = self._examiner.examine(blocks.data, self._end_last_line(blocks))
        if examined is None or self._line_parser.crlf is (not examined.rows.crlf):
            return None
        if self._codes_are_faults and examined.counts.ambiguous:
            return None
        reads = self._accept(examined)
        size = examined.rows.size
        self._advance(size, 4 * len(reads))
        blocks.use(min(size, blocks.size))
        return reads

    def _end_last_line(self, blocks: Blocks) -> int:
        """Add a line end to the last line of the file if it has none. Return the size of the data with it."""
        if not blocks.final or blocks.broken or not blocks.size or blocks.data[blocks.size - 1] == LF:
            return blocks.size
        blocks.data[blocks.size] = LF
        return blocks.size + 1

    def _accept(self, examined: Examined) -> Reads:
        """Count the records of a valid block and check their names."""
        rows, counts, names = examined
        first, starts = self._line_parser.number + 1, rows.starts[:, HEADER] + 1
        self._line_parser.number += len(starts)
        self._line_parser.crlf = rows.crlf
        self._tally.add(counts, rows.lengths)
        sequences, qualities = rows.starts[:, SEQUENCE], rows.starts[:, QUALITY]
        numbers = range(first, first + len(starts))
        reads = Reads(rows.data, starts, names.ends, sequences, qualities, rows.lengths, numbers)
        locate = self._locator(rows, names, first)
        self.name_checks.add(names, locate)
        self._look_at_origin(rows)
        if counts.shortest == 0:
            self._report_empty(reads, locate)
        return reads

    def _locator(self, rows: Rows, names: Names, first: int) -> Callable[[int], NameLocation]:
        """Return a function from the index of a record in this block to its location."""
        line, byte = self._line, self._byte

        def locate(index: int) -> NameLocation:
            start = int(rows.starts[index, HEADER])
            name = rows.data[start + 1 : names.ends[index]].tobytes().decode("ascii")
            return NameLocation(name, first + index, line + 4 * index, byte + start)

        return locate

    def _report_empty(self, reads: Reads, locate: Callable[[int], NameLocation]) -> None:
        """Report reads without bases; once enough were reported, only count the others."""
        empty = np.flatnonzero(reads.lengths == 0)
        for reported, index in enumerate(empty.tolist()):
            if self._findings.is_full("empty_sequence"):
                self._findings.count("empty_sequence", len(empty) - reported)
                return
            self._findings.add(fault("empty_sequence", "the read has no bases", **locate(index).location))

    def _look_at_origin(self, rows: Rows) -> None:
        header = rows.data[rows.starts[0, HEADER] + 1 : rows.ends[0, HEADER]]
        self._tally.origin.look(header.tobytes())
        self._tally.first_reads.look(rows)

    def _advance(self, size: int, lines: int) -> None:
        self._byte += size
        self._line += lines

    # -- line by line

    def _take_lines(self, blocks: Blocks) -> Reads | None:
        final = blocks.final and not blocks.broken
        lines = Lines(blocks.data[: blocks.size].tobytes(), self._line, self._byte, final)
        parsed = self._line_parser.parse(lines)
        if parsed.names:
            self._check_names(parsed)
        self._advance(parsed.used, parsed.lines)
        blocks.use(min(parsed.used, blocks.size))
        return self._accept_sound(parsed) if parsed.sound else None

    def _check_names(self, parsed: ParsedText) -> None:
        """Check names that are not empty. Empty names are a fault of their own, but not duplicates."""
        named = [index for index, name in enumerate(parsed.names) if name]
        if not named:
            return
        first = self._line_parser.number - len(parsed.names) + 1

        def locate(index: int) -> NameLocation:
            record = named[index]
            return NameLocation(parsed.names[record].decode("ascii"), first + record, *parsed.places[record])

        texts = [shorten_name(parsed.names[index]) + parsed.comments[index] for index in named]
        self.name_checks.add(hash_short_names(texts), locate)

    def _accept_sound(self, parsed: ParsedText) -> Reads:
        """Count the valid records of a text that was parsed line by line, as `_accept` does for a block."""
        text = b"".join(parsed.sound)
        data = np.zeros(len(text) + PAD, np.uint8)
        data[: len(text)] = np.frombuffer(text, np.uint8)
        rows = locate_lines(data, len(text))
        if rows is None:
            raise AssertionError("the line parser returned a record that is not four lines")
        starts = rows.starts
        self._tally.add(measure(rows, Scratch()), rows.lengths)
        self._look_at_origin(rows)
        headers = starts[:, HEADER]
        sizes = np.array([len(name) for name in parsed.sound_names])
        ends = headers + 1 + sizes
        return Reads(data, headers + 1, ends, starts[:, SEQUENCE], starts[:, QUALITY], rows.lengths, parsed.numbers)


def shorten_name(name: bytes) -> bytes:
    """Return a name of at most LONGEST_NAME bytes: the name itself, or a digest of a longer name."""
    return name if len(name) <= LONGEST_NAME else hashlib.blake2b(name, digest_size=32).hexdigest().encode()


def hash_short_names(texts: Sequence[bytes]) -> Names:
    """Hash names that `shorten_name` returned; each may be followed by the start of its comment."""
    data, starts = join_lines(texts)
    names = hash_names(data, starts, Scratch())
    if names is None:
        raise AssertionError("a shortened name is too long to be hashed")
    return names


def join_lines(texts: Sequence[bytes]) -> tuple[UInt8Array, Int64Array]:
    """Return (array with all texts, each followed by a line end, and PAD zeros; index of each text)."""
    joined = b"\n" + b"\n".join(texts) + b"\n"
    data = np.zeros(len(joined) + PAD, np.uint8)
    data[: len(joined)] = np.frombuffer(joined, np.uint8)
    sizes = np.array([len(text) + 1 for text in texts])
    return data, 1 + np.cumsum(sizes) - sizes
