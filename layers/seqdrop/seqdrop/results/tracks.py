"""Tracks: a value for each base of a strand, as bedGraph and bigWig.

The value of a base is the highest value of the windows that contain it. bedGraph format:
https://genome.ucsc.edu/goldenPath/help/bedgraph.html (0-based half-open). Bases outside of scored windows have no line.
Windows are added by ascending start. All windows of a record have the same length, so their ends ascend as well, and a
window can be dropped once a later window has at least the same value.

A bigWig has the same values (results/bigwig.py).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, BinaryIO

from seqdrop.results.bigwig import Entry, write_bigwig_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "the highest value of the windows that contain a base"
MOST_RECORDS = 1_000_000
"""Most records of a track with a bigWig. A bigWig is sorted by name, so the position of each record's lines is kept."""


class Track:
    """A writer of bedGraph lines to an open file. For each record call `begin`, `add` for each window, and `end`."""

    def __init__(self, file: BinaryIO, header: str = "") -> None:
        self._file, self._size = file, 0
        # (end, value) of the windows that may still determine a value; ends ascend and values descend.
        self._windows: deque[tuple[int, float]] = deque()
        self._drawn = 0
        self._line: tuple[int, int, float] | None = None
        self.begins: dict[str, int] | None = {}
        """{record: byte offset of its first line}; None if there are more than MOST_RECORDS records."""
        self._put(header)

    def begin(self, record: str) -> None:
        """Begin the record with this name."""
        self._record, self._new = record, True

    def add(self, start: int, end: int, value: float) -> None:
        """Add a window, by ascending start."""
        self._draw(start)
        self._drawn = start
        while self._windows and self._windows[-1][1] <= value:
            self._windows.pop()
        self._windows.append((end, value))

    def end(self) -> None:
        """Write the remaining lines of the record."""
        if self._windows:
            self._draw(self._windows[-1][0])
        self._write()
        self._drawn = 0

    def _draw(self, to: int) -> None:
        """Determine the values of the bases before `to`, which no later window contains."""
        while self._windows and self._drawn < to:
            end, value = self._windows[0]
            upto = min(end, to)
            self._draw_interval(self._drawn, upto, value)
            self._drawn = upto
            if end <= upto:
                self._windows.popleft()

    def _draw_interval(self, start: int, end: int, value: float) -> None:
        """Add an interval with one value; adjacent intervals with the same value become one line."""
        if self._line and self._line[1:] == (start, value):
            self._line = (self._line[0], end, value)
        else:
            self._write()
            self._line = (start, end, value)

    def _write(self) -> None:
        if self._line is None:
            return
        if self._new:
            self._remember()
        start, end, value = self._line
        self._put(f"{self._record}\t{start}\t{end}\t{value:.6g}\n")
        self._line = None

    def _remember(self) -> None:
        self._new = False
        if self.begins is not None:
            self.begins[self._record] = self._size
            if len(self.begins) > MOST_RECORDS:
                self.begins = None

    def _put(self, text: str) -> None:
        self._size += self._file.write(text.encode())


def bedgraph_header(comments: str, name: str, strand: str) -> str:
    """Return the first lines of a bedGraph file; `comments` are lines that start with #."""
    return f'{comments}# value: {RULE}\ntrack type=bedGraph name="{name} {strand}"\n'


def write_bigwig(bedgraph: Path, begins: dict[str, int], lengths: dict[str, int], path: Path) -> None:
    """Write the lines of a bedGraph as a bigWig, sorted by record name. `begins` is `Track.begins`.

    Write no file if there are no lines, because a bigWig cannot be empty.
    """
    names = sorted(begins)
    if names:
        chroms = {name: lengths[name] for name in names}
        write_bigwig_file(path, chroms, read_entries(bedgraph, begins, names))


def read_entries(bedgraph: Path, begins: dict[str, int], names: list[str]) -> Iterator[Entry]:
    """Yield the lines of a bedGraph as entries, by record in the order of `names`."""
    with bedgraph.open("rb") as file:
        for name in names:
            file.seek(begins[name])
            prefix = name.encode() + b"\t"
            for line in file:
                if not line.startswith(prefix):
                    break
                _, start, end, value = line.split(b"\t")
                yield name, int(start), int(end), float(value)
