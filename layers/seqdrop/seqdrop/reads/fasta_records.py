"""Collect the records of a FASTA while its blocks are read: the open record, and those that are complete."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.reads.blank_lines import BlankLines
from seqdrop.reads.codes import IGNORE
from seqdrop.reads.duplicates import NameLocation
from seqdrop.reads.fasta_alphabets import Nucleotides, Residues
from seqdrop.reads.findings import Findings, Location, fault
from seqdrop.reads.name_checks import NameChecks
from seqdrop.reads.records import Record

if TYPE_CHECKING:
    from seqdrop.reads.fasta_alphabets import Alphabet
    from seqdrop.reads.qc import Tally

LONGEST_KEPT = 500_000_000  # bases; while it is joined, such a record takes 1 of the 1.7 GB of a Lambda
KEPT_ADVICE = (
    "Split the record, for example at its longest runs of N. To archive the file as it is, drop it under a prefix "
    "without a model, such as raw/."
)


@dataclass
class LineState:
    """The last line of a block, which the next block may continue.

    `is_open` is True if it is a sequence line that has not ended. `byte` is the offset at which it starts, and
    `is_reported` is True if a fault of it was already reported.
    """

    is_open: bool = False
    byte: int = 0
    is_reported: bool = False


@dataclass(frozen=True)
class _Stop:
    """A line that ends in `*`: the length of the record up to it, with the `*`, and the location of the line."""

    length: int
    line: int
    byte: int


class FastaRecords:
    """The records of a FASTA. `line` and `byte` are the location of the next block in the file.

    If `keep`, each record stays in memory as a whole until `take_complete` is called; a record of nucleotides that is
    longer than `longest_kept` is a fault.
    """

    def __init__(
        self,
        findings: Findings,
        tally: Tally,
        keep: bool = False,
        alphabet: str = "dna",
        longest_kept: int = LONGEST_KEPT,
    ) -> None:
        self.findings = findings
        self.tally = tally
        self.keep = keep
        self._longest_kept = longest_kept
        self.alphabet: Alphabet = Residues() if alphabet == "protein" else Nucleotides()
        self.name_checks = NameChecks(findings, may_interleave=False)
        self.codes_are_faults = findings.policy.severity("ambiguous_base") != IGNORE
        self.number = 0
        self.line = 1
        self.byte = 0
        self.state = LineState()
        self.crlf: bool | None = None
        self.blank_lines = BlankLines()
        self.stops = 0  # records that end in *
        self._open: NameLocation | None = None
        self._length = 0
        self._parts: list[bytes] = []
        self._stop: _Stop | None = None
        self._complete: list[Record] = []

    @property
    def location(self) -> Location:
        """The line and byte of the next block."""
        return {"line": self.line, "byte": self.byte}

    def skip(self, size: int) -> None:
        """Note that `size` bytes before the first line do not belong to it."""
        self.byte += size

    @property
    def bytes_kept(self) -> int:
        """The number of bytes of the open record in memory."""
        return sum(map(len, self._parts))

    def report(self, code: str, message: str, line: int, byte: int) -> None:
        """Report a fault of the open record at this line and byte."""
        name, record = (self._open.name or None, self._open.record) if self._open else (None, None)
        self.findings.add(fault(code, message, name=name, record=record, line=line, byte=byte))

    def begin(self, name: str, line: int, byte: int) -> NameLocation:
        """Complete the open record and begin the next one; return its location."""
        self.blank_lines.end_record()
        self.close()
        self.number += 1
        self._open = NameLocation(name, self.number, line, byte)
        self._length = 0
        if not name:
            self.report("empty_name", "the header has no name", line, byte)
        return self._open

    def extend(self, length: int, sequence: bytes) -> None:
        """Add `length` characters to the open record. `sequence` contains them, unless records are not kept."""
        if length:
            for line, byte in self.blank_lines.continue_record():
                self.report("blank_line", "there is a blank line inside the record", line, byte)
        self._length += length
        if self.keep and self._open and not self._is_too_long:
            self._parts.append(sequence)

    @property
    def _is_too_long(self) -> bool:
        """Whether the open record will be rejected for its length, so that the rest of it need not be kept."""
        longest = self.alphabet.longest
        return self._length > (self._longest_kept if longest is None else longest + 1)  # a * may follow

    def note_stop(self, length: int, line: int, byte: int) -> None:
        """Note that the next line has `length` characters and ends in `*`, which is valid if it ends the record."""
        self._check_stop()
        self._stop = _Stop(self._length + length, line, byte)

    def _check_stop(self) -> bool:
        """Return True if the open record, as far as it was read, ends in `*`. Report a `*` that is inside it."""
        stop, self._stop = self._stop, None
        if stop is None:
            return False
        if stop.length < self._length:
            self.report("internal_stop", "there is a * inside the record", stop.line, stop.byte)
        return stop.length == self._length

    def close(self) -> None:
        """Complete the open record, if there is one."""
        record = self._open
        if record is None:
            return
        ends_in_stop = self._check_stop()
        self.stops += ends_in_stop
        self._length -= ends_in_stop
        if not self._length:
            self.report("empty_record", "the record has no sequence", record.line, record.byte)
        longest = self.alphabet.longest
        if longest and self._length > longest:
            message = f"the record has {self._length:,} residues, but at most {longest:,} are allowed"
            self.report("protein_too_long", message, record.line, record.byte)
        self.tally.add_length(self._length)
        if self.keep and self._is_too_long and not longest:
            self._report_too_long(record)
        elif self.keep:
            sequence = b"".join(self._parts)[: self._length]
            self._complete.append(Record(record.record, record.name, sequence))
            self._parts = []

    def _report_too_long(self, record: NameLocation) -> None:
        message = f"the record has {self._length:,} bases, but a model takes at most {self._longest_kept:,}"
        self.findings.add(replace(fault("record_too_long", message, **record.location), advice=KEPT_ADVICE))
        self._parts = []

    def take_complete(self) -> list[Record]:
        """Return the complete records and remove them from memory."""
        complete, self._complete = self._complete, []
        return complete
