"""FASTA of nucleotides, wrapped or not, a block at a time. Lines may be of any length: a chromosome may be one."""

from __future__ import annotations

import numpy as np

from seqdrop.reads.blocks import Blocks
from seqdrop.reads.codes import IGNORE
from seqdrop.reads.duplicates import Place
from seqdrop.reads.fasta_block import HEAD, Block
from seqdrop.reads.findings import Findings, fault
from seqdrop.reads.naming import Naming
from seqdrop.reads.qc import Tally
from seqdrop.reads.records import Record
from seqdrop.reads.rows import CR, LF


class Fasta:
    """Takes blocks of a FASTA stream; counts into `tally`, reports to `findings`.

    With `keep`, `records` hands out each record once its end was seen; a record is then held in memory whole.
    """

    layout = "fasta"

    def __init__(self, findings: Findings, tally: Tally, keep: bool = False):
        self.findings, self.tally, self.keep = findings, tally, keep
        self.naming = Naming(findings, may_interleave=False)
        self.number = 0
        self.line, self.byte = 1, 0
        self.inside = False  # whether the block begins inside a sequence line
        self.line_byte = 0  # where that line begins
        self.told = False  # whether a fault of that line was told
        self.crlf: bool | None = None
        self.open: Place | None = None  # the record that may go on
        self.length = 0
        self.parts: list[bytes] = []
        self._whole: list[Record] = []
        self.codes_matter = findings.policy.severity("ambiguous_base") != IGNORE

    @property
    def place(self) -> dict[str, int]:
        """Line and byte of what comes next."""
        return {"line": self.line, "byte": self.byte}

    def take(self, blocks: Blocks) -> list[Record]:
        """Check what the buffer holds, and use it up but for a header that is not whole."""
        end = self._end(blocks)
        if end:
            Block(self, blocks.data[:end]).check()
        blocks.use(end)
        whole, self._whole = self._whole, []
        return whole

    def finish(self) -> list[Record]:
        """Close the last record, and report what can be told at the end only."""
        self._close()
        if self.crlf:
            self.findings.add(fault("crlf", "lines end in CR LF", line=1, byte=0))
        self.naming.finish()
        whole, self._whole = self._whole, []
        return whole

    def _end(self, blocks: Blocks) -> int:
        """How much of the buffer can be used: whole lines, or a piece of a sequence line that fills the buffer."""
        data, size = blocks.data, blocks.size
        if blocks.final:
            return size
        feeds = np.flatnonzero(data[:size] == LF)
        if len(feeds):
            return int(feeds[-1]) + 1
        if data[0] == HEAD and not self.inside:
            return 0
        return size - 1 if data[size - 1] == CR else size

    def say(self, code: str, message: str, line: int, byte: int) -> None:
        place = self.open
        self.findings.add(
            fault(
                code, message, name=place and (place.name or None), record=place and place.record, line=line, byte=byte
            )
        )

    def begin(self, place: Place) -> None:
        self._close()
        self.open, self.length = place, 0

    def _close(self) -> None:
        if self.open is None:
            return
        if not self.length:
            self.say("empty_record", "the record has no sequence", self.open.line, self.open.byte)
        self.tally.add_length(self.length)
        if self.keep:
            self._whole.append(Record(self.open.record, self.open.name, b"".join(self.parts)))
            self.parts = []
