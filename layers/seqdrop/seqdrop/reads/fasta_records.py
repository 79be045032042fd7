"""The records of a FASTA as its blocks go by: the one that may go on, and those whose end was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.reads.codes import IGNORE
from seqdrop.reads.fasta_alphabets import Letters, Residues
from seqdrop.reads.findings import Findings, fault
from seqdrop.reads.name_checks import Naming
from seqdrop.reads.records import Record

if TYPE_CHECKING:
    from seqdrop.reads.duplicates import Place
    from seqdrop.reads.qc import Tally


class FastaRecords:
    """Where a FASTA stands: line and byte, the open record, and whether the block begins inside a sequence line.

    With `keep`, each record is held in memory whole until `taken`.
    """

    def __init__(self, findings: Findings, tally: Tally, keep: bool = False, alphabet: str = "dna"):
        self.findings, self.tally, self.keep = findings, tally, keep
        self.letters = Residues() if alphabet == "protein" else Letters()
        self.naming = Naming(findings, may_interleave=False)
        self.number = 0
        self.line, self.byte = 1, 0
        self.inside = False  # whether the block begins inside a sequence line
        self.line_byte = 0  # where that line begins
        self.told = False  # whether a fault of that line was told
        self.crlf: bool | None = None
        self.open: Place | None = None  # the record that may go on
        self.length = 0
        self.stop: tuple[int, int, int] | None = None  # letters of the record up to a *, and its line and byte
        self.stops = 0
        self.parts: list[bytes] = []
        self._whole: list[Record] = []
        self.codes_matter = findings.policy.severity("ambiguous_base") != IGNORE

    @property
    def place(self) -> dict[str, int]:
        """Line and byte of what comes next."""
        return {"line": self.line, "byte": self.byte}

    def say(self, code: str, message: str, line: int, byte: int) -> None:
        place = self.open
        self.findings.add(
            fault(
                code, message, name=place and (place.name or None), record=place and place.record, line=line, byte=byte
            )
        )

    @property
    def too_long(self) -> bool:
        """Whether the record is rejected for its length; what is left of it need not be held."""
        return self.letters.longest is not None and self.length > self.letters.longest + 1  # a * may follow

    def stop_at(self, letters: int, line: int, byte: int) -> None:
        """The line that comes next has so many letters, of which the last is a *: right if the record ends there."""
        self._settle_stop()
        self.stop = (self.length + letters, line, byte)

    def _settle_stop(self) -> bool:
        """Whether the record, as far as it was read, ends in a *; one that stands before is told."""
        stop, self.stop = self.stop, None
        if stop and stop[0] < self.length:
            self.say("internal_stop", "a * stands inside the record", *stop[1:])
        return bool(stop) and stop[0] == self.length

    def begin(self, place: Place) -> None:
        self.close()
        self.open, self.length = place, 0

    def close(self) -> None:
        if self.open is None:
            return
        stopped = self._settle_stop()
        self.stops += stopped
        self.length -= stopped
        if not self.length:
            self.say("empty_record", "the record has no sequence", self.open.line, self.open.byte)
        if self.letters.longest and self.length > self.letters.longest:
            what = f"the record has {self.length:,} residues; {self.letters.longest:,} are taken at the most"
            self.say("protein_too_long", what, self.open.line, self.open.byte)
        self.tally.add_length(self.length)
        if self.keep:
            self._whole.append(Record(self.open.record, self.open.name, b"".join(self.parts)[: self.length]))
            self.parts = []

    def taken(self) -> list[Record]:
        """Hand out the records whose end was seen."""
        whole, self._whole = self._whole, []
        return whole
