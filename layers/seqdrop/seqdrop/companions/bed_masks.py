"""Apply the intervals of a BED to the records of its FASTA, and check that they fit, while the FASTA is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.reads.bed import LONGEST_NAME, Bed, Interval
from seqdrop.reads.findings import Findings, Policy, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.reads.findings import Location
    from seqdrop.reads.records import Record


class BedMasks:
    """The masks of one BED during one pass over its FASTA. `upload_id` is the upload id of the BED."""

    def __init__(self, upload_id: str, bed: Bed) -> None:
        self.upload_id = upload_id
        self.bed = bed
        self._missing_records = dict.fromkeys(bed.intervals.names)
        self._beyond_end: list[tuple[str, Interval, int]] = []

    def cover(self, records: Iterable[Record]) -> Iterator[Record]:
        """Yield the records with N in all intervals, so that the model predicts no masked base from another one."""
        for record in records:
            self._missing_records.pop(record.name, None)
            covered = bytearray(record.sequence)
            for interval in self.bed.intervals.of(record.name):
                if interval.end > len(record.sequence):
                    self._beyond_end.append((record.name, interval, len(record.sequence)))
                else:
                    covered[interval.start : interval.end] = b"N" * (interval.end - interval.start)
            yield record._replace(sequence=bytes(covered))

    def spans(self, record: Record) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of each interval of a record, 0-based half-open, ordered by start.

        Intervals that exceed the record are omitted; `check` reports them.
        """
        for interval in self.bed.intervals.of(record.name):
            if interval.end <= len(record.sequence):
                yield interval.start, interval.end

    def check(self) -> None:
        """Raise InvalidFileError if any line of the BED fits no record. Call it after the last record."""
        findings = Findings(Policy())
        for name in self._missing_records:
            first = next(self.bed.intervals.of(name))
            message = "the FASTA has no record of this name"
            findings.add(fault("bed_no_record", message, **_location(name, first)))
        for name, interval, length in self._beyond_end:
            message = f"the interval {interval.start} to {interval.end} exceeds the {length:,} bases of the record"
            findings.add(fault("bed_beyond_end", message, **_location(name, interval)))
        findings.raise_errors()


def _location(name: str, interval: Interval) -> Location:
    return {"name": name[:LONGEST_NAME], "line": interval.line, "byte": interval.byte}
