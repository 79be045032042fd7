"""Distinguish blank lines between the records of a FASTA, which are harmless, from those inside a record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.reads.findings import FIRST, fault

if TYPE_CHECKING:
    from seqdrop.errors import Fault


class BlankLines:
    """The blank lines of a file. Whether one is inside a record is known when the next line that is not blank follows.

    NCBI's download service and some assemblies (GRCh37 of the 1000 Genomes Project) have blank lines between records or
    at the end. Aligners and indexers accept them, but not a blank line inside a record.
    """

    def __init__(self) -> None:
        self._open: list[tuple[int, int]] = []  # (line, byte) of the blank lines since the last line that is not blank
        self._uncounted = 0  # blank lines since then that are not in _open
        self._between = 0
        self._first: tuple[int, int] | None = None

    def add(self, line: int, byte: int) -> None:
        """Add a blank line at this line and byte."""
        if len(self._open) < FIRST:
            self._open.append((line, byte))
        else:
            self._uncounted += 1

    def continue_record(self) -> list[tuple[int, int]]:
        """Return (line, byte) of the last blank lines, at most FIRST, because sequence follows them."""
        inside = self._open
        self._open, self._uncounted = [], 0
        return inside

    def end_record(self) -> None:
        """Count the last blank lines as lines between records, because a header or the end of the file follows them."""
        if not self._open:
            return
        self._first = self._first or self._open[0]
        self._between += len(self._open) + self._uncounted
        self._open, self._uncounted = [], 0

    def file_faults(self) -> list[Fault]:
        """Return the fault of all blank lines between records; an empty list if there are none."""
        self.end_record()
        if self._first is None:
            return []
        line, byte = self._first
        what = "1 blank line is" if self._between == 1 else f"{self._between:,} blank lines are"
        return [
            fault("blank_between_records", f"{what} between records or at an end of the file", line=line, byte=byte)
        ]
