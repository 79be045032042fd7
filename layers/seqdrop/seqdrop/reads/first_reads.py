"""Duplicates and barcodes of the first reads of a FASTQ file: enough to judge a sample, for the same time in any file.

Two reads are duplicates if their first LENGTH bases are equal, as in FastQC. A file that is much deeper than its first
MOST reads has more duplicates than they show.

Barcodes are the last field of the word that bcl2fastq, BCL Convert and DRAGEN write: `1:N:0:ACGTACGT+TTGACCAA`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from seqdrop.reads.fastq_rows import HEADER, SEQUENCE

if TYPE_CHECKING:
    from seqdrop.reads.fastq_rows import Rows

MOST = 50_000  # reads that are looked at
LENGTH = 50  # bases that are compared
MOST_BARCODES = 5_000  # different ones that are counted; later ones are left out
TOP = 10
_BARCODE = re.compile(rb"[ \t][1-4]:[YN]:[0-9]+:([ACGTN]+(?:\+[ACGTN]+)?)$")


class FirstReads:
    """The first reads of a file. `number` is how many there are, `duplicates` how many repeat an earlier one."""

    def __init__(self) -> None:
        self.number = self.duplicates = 0
        self._seen: set[int] = set()
        self._barcodes: Counter[bytes] = Counter()

    def look(self, rows: Rows) -> None:
        """Look at the reads of a block, up to MOST in all."""
        left = MOST - self.number
        if left <= 0:
            return
        starts, ends = rows.starts[:left], rows.ends[:left]
        if not len(starts):
            return
        data = rows.data[: int(ends[-1, -1])].tobytes()
        lows, highs = starts[:, SEQUENCE].tolist(), ends[:, SEQUENCE].tolist()
        for low, high in zip(lows, highs, strict=True):
            self._count_sequence(hash(data[low : min(high, low + LENGTH)]))
        for low, high in zip(starts[:, HEADER].tolist(), ends[:, HEADER].tolist(), strict=True):
            self._count_barcode(data[low:high])
        self.number += len(starts)

    @property
    def duplicate_share(self) -> float | None:
        """The share of the first reads that are duplicates; None without reads."""
        return self.duplicates / self.number if self.number else None

    @property
    def barcodes(self) -> list[tuple[str, int]]:
        """The most frequent barcodes with their numbers of reads; empty if the names carry none."""
        return [(barcode.decode("ascii"), number) for barcode, number in self._barcodes.most_common(TOP)]

    def _count_sequence(self, key: int) -> None:
        if key in self._seen:
            self.duplicates += 1
        else:
            self._seen.add(key)

    def _count_barcode(self, header: bytes) -> None:
        match = _BARCODE.search(header)
        if match and (match[1] in self._barcodes or len(self._barcodes) < MOST_BARCODES):
            self._barcodes[match[1]] += 1
