"""Files in genome coordinates: calls as BED and GFF3, and for each strand a track as bedGraph and bigWig."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from seqdrop.results.annotations import (
    Call,
    Suppression,
    bed_header,
    bed_line,
    gff3_header,
    gff3_line,
    gff3_region_line,
)
from seqdrop.results.browsers import write_browser_files
from seqdrop.results.provenance import Provenance, comments
from seqdrop.results.rows import Row, UnexpectedOutputError
from seqdrop.results.tracks import MOST_RECORDS, Track, bedgraph_header, write_bigwig

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

STRANDS = {"+": "plus", "-": "minus"}


class GenomeFileSettings(Protocol):
    """The settings of kinds/promoter that `GenomeFiles` uses."""

    @property
    def strands(self) -> str:
        """The strands that are scored: "+" or "+-"."""

    @property
    def label(self) -> str:
        """Name of the positive class."""

    @property
    def apart(self) -> int:
        """Least number of bases between the starts of two calls on a strand."""


class GenomeFiles(ExitStack):
    """A context manager that writes the files; they are complete when the context is left.

    `calls` is the number of calls that were kept. `without_bigwig` is True if the tracks have no bigWig, because there
    are more than MOST_RECORDS records.
    """

    def __init__(self, folder: Path, settings: GenomeFileSettings, provenance: Provenance) -> None:
        super().__init__()
        self._folder, self._settings, self._provenance = folder, settings, provenance
        self.calls, self.without_bigwig = 0, False
        self._record: str | None = None
        self._length = 0  # end of the last window of the record
        self._reached: dict[str, int] = {}  # start of the last window on each strand
        self._lengths: dict[str, int] = {}
        self._suppression = Suppression(settings.apart)
        self._tracks: dict[str, Track] = {}
        self._open(comments(provenance) + f"# distance: {settings.apart}\n")

    def _open(self, header: str) -> None:
        self._bed = self.enter_context((self._folder / "calls.bed").open("w"))
        self._gff3 = self.enter_context((self._folder / "calls.gff3").open("w"))
        self._bed.write(bed_header(header))
        self._gff3.write(gff3_header(header))
        for strand in self._settings.strands:
            file = self.enter_context(self._bedgraph(strand).open("wb"))
            self._tracks[strand] = Track(file, bedgraph_header(header, self._settings.label, strand))

    def _bedgraph(self, strand: str) -> Path:
        return self._folder / f"track.{STRANDS[strand]}.bedgraph"

    def add(self, row: Row) -> None:
        """Add a row of rows.py. Raise UnexpectedOutputError unless rows are grouped by record and ordered by start."""
        if "error" in row:
            return
        if row["record"] != self._record:
            self._end_record()
            self._begin_record(row["record"])
        if row["start"] <= self._reached.get(row["strand"], -1):
            raise UnexpectedOutputError(f"predictions for {self._record} are not in the order of its windows")
        self._reached[row["strand"]], self._length = row["start"], row["end"]
        if "call" not in row:
            return
        value = row.get("calibrated", row["probability"])
        self._tracks[row["strand"]].add(row["start"], row["end"], value)
        if row["call"]:
            place = (row["record"], row["start"], row["end"], row["strand"])
            self._write(self._suppression.add(Call(*place, row["probability"], row.get("calibrated"))))

    def _begin_record(self, record: str) -> None:
        if record in self._lengths:
            raise UnexpectedOutputError(f"predictions for {record} are not together: other records are between them")
        self._record, self._reached = record, {}
        for track in self._tracks.values():
            track.begin(record)

    def _end_record(self) -> None:
        """Finish a record. Its length is the end of its last window, which always ends with the record."""
        if self._record is not None and len(self._lengths) <= MOST_RECORDS:
            self._lengths[self._record] = self._length
        self._write(self._suppression.flush())
        for track in self._tracks.values():
            track.end()

    def _write(self, calls: list[Call]) -> None:
        for call in calls:
            self.calls += 1
            self._bed.write(bed_line(call, self._settings.label))
            self._gff3.write(gff3_line(call, self._settings.label, self.calls))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> bool:
        if kind is None:
            self._end_record()
            self._write_regions()
        suppressed = super().__exit__(kind, error, traceback)
        if kind is None:
            self._write_bigwigs()
            self._write_browser_files()
        return bool(suppressed)

    def _write_regions(self) -> None:
        """Write the records that were searched to the GFF3 file, if it has no call and would be empty."""
        if not self.calls:
            for number, (record, length) in enumerate(self._lengths.items(), start=1):
                self._gff3.write(gff3_region_line(record, length, number))

    def _write_bigwigs(self) -> None:
        for strand, track in self._tracks.items():
            if track.begins is None or len(self._lengths) > MOST_RECORDS:
                self.without_bigwig = True
                continue
            path = self._folder / f"track.{STRANDS[strand]}.bw"
            write_bigwig(self._bedgraph(strand), track.begins, self._lengths, path)

    def _write_browser_files(self) -> None:
        """Write what browsers open, unless there are more than MOST_RECORDS records."""
        if len(self._lengths) <= MOST_RECORDS:
            write_browser_files(self._folder, self._lengths, self._settings.label, self._provenance)
