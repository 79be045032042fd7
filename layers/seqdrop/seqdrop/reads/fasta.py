"""Parse FASTA of nucleotides or proteins, wrapped or not, a block at a time.

A line may be longer than a block: a whole chromosome may be one line.
"""

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
    """A parser of the blocks of a FASTA stream; it counts into `tally` and reports to `findings`.

    If `keep`, `take` and `finish` return the records that are complete; each record is then in memory as a whole.
    """

    layout = "fasta"

    def take(self, blocks: Blocks) -> list[Record]:
        """Parse the data in the buffer, except for an incomplete last header, and mark them as used."""
        end = self._find_end(blocks)
        if end:
            Block(self, blocks.data[:end]).check()
        blocks.use(end)
        return self.take_complete()

    def finish(self) -> list[Record]:
        """Complete the last record, and report the faults that are known only at the end of the file."""
        self.close()
        if self.crlf:
            self.findings.add(fault("crlf", "lines end in CR LF", line=1, byte=0))
        if self.stops:
            self.findings.add(fault("stop_codon", f"{self.stops} records end in *, which is left out"))
        for file_fault in (*self.blank_lines.file_faults(), *self.alphabet.file_faults(self.tally)):
            self.findings.add(file_fault)
        self.alphabet.merge_faults(self.findings)
        self.name_checks.finish()
        return self.take_complete()

    def _find_end(self, blocks: Blocks) -> int:
        """Return the number of bytes to parse: whole lines, or the part of a sequence line that fills the buffer."""
        data, size = blocks.data, blocks.size
        if blocks.final:
            return size
        feeds = np.flatnonzero(data[:size] == LF)
        if len(feeds):
            return int(feeds[-1]) + 1
        if data[0] == HEAD and not self.state.is_open:
            return 0
        return size - 1 if data[size - 1] == CR else size
