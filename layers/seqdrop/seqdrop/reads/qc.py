"""What is counted while a file is read: the small quality report of one upload."""

from __future__ import annotations

from dataclasses import dataclass

from seqdrop.reads.records import Record


@dataclass
class Tally:
    """Counts over all records. `gc`, `n` and `quality_sum` are sums over bases (Phred+33)."""

    records: int = 0
    bases: int = 0
    gc: int = 0
    n: int = 0
    shortest: int = 0
    longest: int = 0
    quality_sum: int = 0
    with_quality: int = 0  # bases that have a quality

    def add(self, record: Record) -> None:
        sequence, length = record.sequence, len(record.sequence)
        self.shortest = length if not self.records else min(self.shortest, length)
        self.longest = max(self.longest, length)
        self.records += 1
        self.bases += length
        self.gc += sum(map(sequence.count, (b"G", b"C", b"g", b"c")))
        self.n += sequence.count(b"N") + sequence.count(b"n")
        if record.quality is not None:
            self.with_quality += length
            self.quality_sum += sum(record.quality) - 33 * length

    def report(self) -> dict:
        """As JSON: fractions of bases, lengths in bases, the mean Phred quality or None."""
        return {
            "records": self.records,
            "bases": self.bases,
            "gc_fraction": _share(self.gc, self.bases),
            "n_fraction": _share(self.n, self.bases),
            "shortest": self.shortest,
            "longest": self.longest,
            "mean_length": _share(self.bases, self.records, 1),
            "mean_quality": _share(self.quality_sum, self.with_quality, 2),
        }


def _share(part: int, whole: int, digits: int = 4) -> float | None:
    return round(part / whole, digits) if whole else None
