"""FASTQ, a block at a time: all of it at once where it is sound, line by line where it is not."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.batch import Reads
from seqdrop.reads.blocks import PAD, Blocks
from seqdrop.reads.codes import IGNORE
from seqdrop.reads.duplicates import Place
from seqdrop.reads.examiner import Examiner
from seqdrop.reads.fastq_rows import HEADER, LF, QUALITY, SEQUENCE, Rows, four_lines
from seqdrop.reads.findings import Findings, fault
from seqdrop.reads.line_parser import Exact, Found
from seqdrop.reads.lines import Lines
from seqdrop.reads.matrix import Scratch
from seqdrop.reads.measure import Measure, measure
from seqdrop.reads.name_checks import Naming
from seqdrop.reads.names import Names, hash_names

if TYPE_CHECKING:
    from seqdrop.reads.qc import Tally

LONGEST_NAME = 200


class Fastq:
    """Takes blocks of a FASTQ stream; counts into `tally`, reports to `findings`."""

    lines_per_record = 4

    def __init__(self, findings: Findings, tally: Tally):
        self._findings, self._tally = findings, tally
        self._exact = Exact(findings)
        self.naming = Naming(findings, may_interleave=True)
        self._examiner = Examiner()
        self._line, self._byte = 1, 0  # where the block begins
        self._plain_only = findings.policy.severity("ambiguous_base") != IGNORE

    @property
    def number(self) -> int:
        """Records begun so far, the broken ones included."""
        return self._exact.number

    @property
    def layout(self) -> str:
        return "multiline" if self._exact.wrapped else "four-line"

    @property
    def place(self) -> dict[str, int]:
        """Line and byte of what comes next."""
        return {"line": self._line, "byte": self._byte}

    def take(self, blocks: Blocks) -> Reads | None:
        """Check what whole records the buffer holds, and use them up. None if it holds none, or no sound one."""
        found = self._fast(blocks)
        if found is None:
            found = self._slow(blocks)
        return found

    def finish(self) -> None:
        """Report what can be told at the end of the file only."""
        if self._exact.crlf:
            self._findings.add(fault("crlf", "lines end in CR LF", record=None, line=1, byte=0))
        evidence = self._tally.phred64()
        if evidence:
            self._findings.add(fault("phred64_suspected", evidence))
        self.naming.finish()

    # -- the fast path

    def _fast(self, blocks: Blocks) -> Reads | None:
        found = self._examiner.examine(blocks.data, self._ended(blocks))
        if not found or self._exact.crlf is (not found[0].crlf):
            return None
        rows, counted, names = found
        if self._plain_only and counted.ambiguous:
            return None
        reads = self._accept(rows, counted, names)
        self._advance(rows.size, 4 * len(reads))
        blocks.use(min(rows.size, blocks.size))
        return reads

    def _ended(self, blocks: Blocks) -> int:
        """The size of the block, a line end added to the last line of the file if it has none."""
        if not blocks.final or blocks.broken or not blocks.size or blocks.data[blocks.size - 1] == LF:
            return blocks.size
        blocks.data[blocks.size] = LF
        return blocks.size + 1

    def _accept(self, rows: Rows, counted: Measure, names: Names) -> Reads:
        first, starts = self._exact.number + 1, rows.starts[:, HEADER] + 1
        self._exact.number += len(starts)
        self._exact.crlf = rows.crlf
        self._tally.add(counted, rows.lengths)
        sequences, qualities = rows.starts[:, SEQUENCE], rows.starts[:, QUALITY]
        numbers = range(first, first + len(starts))
        reads = Reads(rows.data, starts, names.ends, sequences, qualities, rows.lengths, numbers)
        line, byte = self._line, self._byte

        def place(index: int) -> Place:
            name = rows.data[starts[index] : names.ends[index]].tobytes().decode("ascii")
            return Place(name, first + index, line + 4 * index, byte + int(starts[index]) - 1)

        self.naming.add(names, place)
        self._look(rows)
        if counted.shortest == 0:
            self._warn_of_empty(reads, place)
        return reads

    def _warn_of_empty(self, reads: Reads, place) -> None:
        empty = np.flatnonzero(reads.lengths == 0)
        for told, index in enumerate(empty.tolist()):
            if self._findings.is_full("empty_sequence"):
                return self._findings.count("empty_sequence", len(empty) - told)
            at = place(index)
            where = {"name": at.name, "record": at.record, "line": at.line, "byte": at.byte}
            self._findings.add(fault("empty_sequence", "the read has no bases", **where))
        return None

    def _look(self, rows: Rows) -> None:
        header = rows.data[rows.starts[0, HEADER] + 1 : rows.ends[0, HEADER]]
        self._tally.origin.look(header.tobytes())

    def _advance(self, size: int, lines: int) -> None:
        self._byte += size
        self._line += lines

    # -- the exact path

    def _slow(self, blocks: Blocks) -> Reads | None:
        final = blocks.final and not blocks.broken
        lines = Lines(blocks.data[: blocks.size].tobytes(), self._line, self._byte, final)
        found = self._exact.parse(lines)
        if found.names:
            self._name(found)
        self._advance(found.used, found.lines)
        blocks.use(min(found.used, blocks.size))
        return self._sound(found) if found.sound else None

    def _name(self, found: Found) -> None:
        """Empty names are a fault of their own; they are no duplicates."""
        named = [index for index, name in enumerate(found.names) if name]
        first = self._exact.number - len(found.names) + 1
        texts = [shortened(found.names[index]) + found.comments[index] for index in named]
        if not texts:
            return
        data, starts = joined(texts)

        def place(index: int) -> Place:
            at = named[index]
            return Place(found.names[at].decode("ascii"), first + at, *found.places[at])

        self.naming.add(hash_names(data, starts, Scratch()), place)

    def _sound(self, found: Found) -> Reads:
        """The sound records, measured as the fast path does."""
        text = b"".join(found.sound)
        data = np.zeros(len(text) + PAD, np.uint8)
        data[: len(text)] = np.frombuffer(text, np.uint8)
        rows = four_lines(data, len(text))
        starts = rows.starts
        self._tally.add(measure(rows, Scratch()), rows.lengths)
        self._look(rows)
        headers = starts[:, HEADER]
        names = np.array([at + 1 + len(name) for at, name in zip(headers.tolist(), found.sound_names, strict=True)])
        return Reads(data, headers + 1, names, starts[:, SEQUENCE], starts[:, QUALITY], rows.lengths, found.numbers)


def shortened(name: bytes) -> bytes:
    """A name short enough to be hashed in a matrix; a longer one is hashed instead."""
    return name if len(name) <= LONGEST_NAME else hashlib.blake2b(name, digest_size=32).hexdigest().encode()


def joined(texts: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """One array of all texts, each followed by a line end, and where each starts."""
    joined = b"\n" + b"\n".join(texts) + b"\n"
    data = np.zeros(len(joined) + PAD, np.uint8)
    data[: len(joined)] = np.frombuffer(joined, np.uint8)
    sizes = np.array([len(text) + 1 for text in texts])
    return data, 1 + np.cumsum(sizes) - sizes
