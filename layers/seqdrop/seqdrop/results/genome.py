"""Results for records that are places on a genome: calls as BED and GFF3, a track per strand as bedGraph and bigWig."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from seqdrop.results.annotations import Call, Suppression, bed_header, bed_line, gff3_header, gff3_line
from seqdrop.results.provenance import comments
from seqdrop.results.rows import UnexpectedOutputError
from seqdrop.results.tracks import MOST_RECORDS, Track, bedgraph_header, bigwig

if TYPE_CHECKING:
    from pathlib import Path

STRANDS = {"+": "plus", "-": "minus"}


class Places(ExitStack):
    """Takes rows in the order of rows.py; the files are whole when it is left. `calls` counts those that were kept.

    `settings` are those of kinds/promoter: strands, label and apart.
    """

    def __init__(self, folder: Path, settings: Any, made_by: dict) -> None:
        super().__init__()
        self._folder, self._settings = folder, settings
        self.calls, self.without_bigwig = 0, False
        self._record: str | None = None
        self._reached: dict[str, int] = {}  # start of the last window on each strand
        self._lengths: dict[str, int] = {}
        self._held = Suppression(settings.apart)
        self._open(comments(made_by) + f"# distance: {settings.apart}\n")

    def _open(self, told: str) -> None:
        self._bed = self.enter_context((self._folder / "calls.bed").open("w"))
        self._gff3 = self.enter_context((self._folder / "calls.gff3").open("w"))
        self._bed.write(bed_header(told))
        self._gff3.write(gff3_header(told))
        self._tracks = {}
        for strand in self._settings.strands:
            file = self.enter_context(self._bedgraph(strand).open("wb"))
            self._tracks[strand] = Track(file, bedgraph_header(told, self._settings.label, strand))

    def _bedgraph(self, strand: str) -> Path:
        return self._folder / f"track.{STRANDS[strand]}.bedgraph"

    def add(self, row: dict) -> None:
        """Raises UnexpectedOutputError where windows do not come as they lie on the records."""
        if "error" in row:
            return
        if row["record"] != self._record:
            self._end()
            self._begin(row["record"])
        if row["start"] <= self._reached.get(row["strand"], -1):
            raise UnexpectedOutputError(f"answers for {self._record} are not in the order of its windows")
        self._reached[row["strand"]], self._length = row["start"], row["end"]
        if "call" not in row:
            return
        value = row.get("calibrated", row["probability"])
        self._tracks[row["strand"]].add(row["start"], row["end"], value)
        if row["call"]:
            place = (row["record"], row["start"], row["end"], row["strand"])
            self._write(self._held.add(Call(*place, row["probability"], row.get("calibrated"))))

    def _begin(self, record: str) -> None:
        if record in self._lengths:
            raise UnexpectedOutputError(f"answers for {record} are not together")
        self._record, self._reached = record, {}
        for track in self._tracks.values():
            track.begin(record)

    def _end(self) -> None:
        """A record's windows are all there, and reach to its end."""
        if self._record is not None and len(self._lengths) <= MOST_RECORDS:
            self._lengths[self._record] = self._length
        self._write(self._held.flush())
        for track in self._tracks.values():
            track.end()

    def _write(self, calls: list[Call]) -> None:
        for call in calls:
            self.calls += 1
            self._bed.write(bed_line(call, self._settings.label))
            self._gff3.write(gff3_line(call, self._settings.label, self.calls))

    def __exit__(self, *caught) -> bool | None:
        if caught[0] is None:
            self._end()
        left = super().__exit__(*caught)
        if caught[0] is None:
            self._bigwigs()
        return left

    def _bigwigs(self) -> None:
        for strand, track in self._tracks.items():
            if track.begins is None or len(self._lengths) > MOST_RECORDS:
                self.without_bigwig = True
                continue
            path = self._folder / f"track.{STRANDS[strand]}.bw"
            bigwig(self._bedgraph(strand), track.begins, self._lengths, path)
