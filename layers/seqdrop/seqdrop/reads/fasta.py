"""FASTA of nucleotides or proteins, wrapped or not, a block at a time. Lines may be of any length: a chromosome may
be one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seqdrop.reads.fasta_block import HEAD, Block
from seqdrop.reads.fasta_records import FastaRecords
from seqdrop.reads.fastq_rows import CR, LF
from seqdrop.reads.findings import fault

if TYPE_CHECKING:
    from seqdrop.reads.blocks import Blocks
    from seqdrop.reads.records import Record


class Fasta(FastaRecords):
    """Takes blocks of a FASTA stream; counts into `tally`, reports to `findings`.

    With `keep`, `records` hands out each record once its end was seen; a record is then held in memory whole.
    """

    layout = "fasta"

    def take(self, blocks: Blocks) -> list[Record]:
        """Check what the buffer holds, and use it up but for a header that is not whole."""
        end = self._end(blocks)
        if end:
            Block(self, blocks.data[:end]).check()
        blocks.use(end)
        return self.taken()

    def finish(self) -> list[Record]:
        """Close the last record, and report what can be told at the end only."""
        self.close()
        if self.crlf:
            self.findings.add(fault("crlf", "lines end in CR LF", line=1, byte=0))
        if self.stops:
            self.findings.add(fault("stop_codon", f"{self.stops} records end in *, which is left out"))
        for one in self.letters.about(self.tally):
            self.findings.add(one)
        self.naming.finish()
        return self.taken()

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
