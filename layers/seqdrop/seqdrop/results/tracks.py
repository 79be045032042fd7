"""Tracks: a value for each base of a strand, as bedGraph and bigWig.

The value of a base is the highest value of the windows that contain it. bedGraph format:
https://genome.ucsc.edu/goldenPath/help/bedgraph.html (0-based half-open). Bases outside of scored windows have no line.
Windows are added by ascending start. All windows of a record have the same length, so their ends ascend as well, and a
window can be dropped once a later window has at least the same value.

bigWig format: Kent et al., Bioinformatics 26:2204 (2010). pyBigWig writes it. For arm64, pyBigWig has no wheels, and
pybigtools writes it instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from seqdrop.errors import SeqdropError

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


BATCH = 10_000  # entries that are passed to pyBigWig in one call
PYBIGWIG = "pyBigWig"  # it has no type stubs
Entry = tuple[str, int, int, float]
"""Record, start, end (0-based half-open) and value."""
Writer = Callable[[Path, dict[str, int], Iterator[Entry]], None]
"""A function that writes a bigWig: (path, {record: length}, entries in the order of that dictionary)."""


class BigWigError(SeqdropError):
    """A bigWig that is incomplete or cannot be read again."""


def write_bigwig(bedgraph: Path, begins: dict[str, int], lengths: dict[str, int], path: Path) -> None:
    """Write the lines of a bedGraph as a bigWig, sorted by record name. `begins` is `Track.begins`.

    Write no file if there are no lines, because a bigWig cannot be empty. Raise BigWigError if the file is incomplete.
    """
    names = sorted(begins)
    if names:
        chroms = {name: lengths[name] for name in names}
        choose_writer()(path, chroms, read_entries(bedgraph, begins, names))


def choose_writer() -> Writer:
    """Return the writer for the library that is installed: pyBigWig, or else pybigtools."""
    try:
        import_module(PYBIGWIG)
    except ImportError:
        return write_by_pybigtools
    return write_by_pybigwig


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


class _CheckedEntries:
    """An iterable of entries that keeps the last one; `is_complete` is True once all were read without an exception."""

    def __init__(self, entries: Iterator[Entry]) -> None:
        self._entries = entries
        self.last: Entry | None = None
        self.is_complete = False

    def __iter__(self) -> Iterator[Entry]:
        for entry in self._entries:
            self.last = entry
            yield entry
        self.is_complete = True


def write_by_pybigtools(path: Path, chroms: dict[str, int], entries: Iterator[Entry]) -> None:
    """Write a bigWig with pybigtools, and read its end again. Raise BigWigError if the file is incomplete.

    pybigtools only prints an exception of its source, and closes the file as if it were complete.
    """
    import pybigtools

    source = _CheckedEntries(entries)
    pybigtools.open(str(path), "w").write(chroms, iter(source))
    if source.last is None:
        raise BigWigError(f"{path.name} has no entries")
    name, start, end, _ = source.last
    try:
        with pybigtools.open(str(path)) as file:
            is_whole = source.is_complete and file.chroms() == chroms
            is_whole = is_whole and next(file.records(name, start, end))[:2] == (start, end)
    except Exception as error:
        raise BigWigError(f"{path.name} cannot be read again: {error!r}") from error
    if not is_whole:
        raise BigWigError(f"{path.name} ends before {name}:{start}-{end}")


def write_by_pybigwig(path: Path, chroms: dict[str, int], entries: Iterator[Entry]) -> None:
    """Write a bigWig with pyBigWig."""
    with import_module(PYBIGWIG).open(str(path), "w") as file:
        file.addHeader(list(chroms.items()))
        while part := list(islice(entries, BATCH)):
            names, starts, ends, values = map(list, zip(*part, strict=True))
            file.addEntries(names, starts, ends=ends, values=values)
