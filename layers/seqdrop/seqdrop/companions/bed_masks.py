"""The stretches of a BED against the records of its FASTA, as these come by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.reads.bed import LONGEST_NAME, Bed, Interval
from seqdrop.reads.findings import Findings, Policy, fault

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seqdrop.reads.records import Record


class BedMasks:
    """What one BED masks in one pass over a FASTA. `upload_id` is the BED's."""

    def __init__(self, upload_id: str, bed: Bed):
        self.upload_id, self.bed = upload_id, bed
        self._unseen = dict.fromkeys(bed.intervals.names)
        self._beyond: list[tuple[str, Interval, int]] = []

    def cover(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records with N in all stretches: what is to be filled is no hint for what is filled beside it."""
        for record in records:
            self._unseen.pop(record.name, None)
            covered = bytearray(record.sequence)
            for one in self.bed.intervals.of(record.name):
                if one.end > len(record.sequence):
                    self._beyond.append((record.name, one, len(record.sequence)))
                else:
                    covered[one.start : one.end] = b"N" * (one.end - one.start)
            yield record._replace(sequence=bytes(covered))

    def spans(self, record: Record) -> Iterator[tuple[int, int]]:
        """(start, end) of each stretch of a record, by start."""
        for one in self.bed.intervals.of(record.name):
            if one.end <= len(record.sequence):
                yield one.start, one.end

    def check(self) -> None:
        """Once all records came by: raises InvalidFileError with the BED's lines that fit none."""
        findings = Findings(Policy())
        for name in self._unseen:
            one = next(self.bed.intervals.of(name))
            told = fault("bed_no_record", "the FASTA has no record of that name", **_place(name, one))
            findings.add(told)
        for name, one, length in self._beyond:
            message = f"the stretch {one.start} to {one.end} lies beyond the record's {length:,} bases"
            findings.add(fault("bed_beyond_end", message, **_place(name, one)))
        findings.raise_errors()


def _place(name: str, one: Interval) -> dict:
    return {"name": name[:LONGEST_NAME], "line": one.line, "byte": one.byte}
