"""Tracks: a value for each base of a strand, as bedGraph and bigWig.

The value of a base is the highest of the windows that contain it. bedGraph format:
https://genome.ucsc.edu/goldenPath/help/bedgraph.html (0-based half-open). Bases outside of scored windows have no line.
Windows come by ascending start and those of a record have the same length, so their ends ascend too: a window no longer
matters once a later one is as high.

bigWig format: Kent et al., Bioinformatics 26:2204 (2010). pyBigWig writes it; on arm64, for which there are no wheels
of it, pybigtools does.
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
"""Records whose positions in the file are remembered, because a bigWig is written in the order of names."""


class Track:
    """Writes the lines of one record after another to an open file: `begin`, `add` for each window, `end`."""

    def __init__(self, file: BinaryIO, header: str = "") -> None:
        self._file, self._size = file, 0
        self._windows: deque[tuple[int, float]] = deque()  # (end, value) that still matter: values fall, ends rise
        self._drawn = 0
        self._line: tuple[int, int, float] | None = None
        self.begins: dict[str, int] | None = {}
        """The byte at which a record's lines begin; None if there are too many records."""
        self._put(header)

    def begin(self, record: str) -> None:
        """Begin a record."""
        self._record, self._new = record, True

    def add(self, start: int, end: int, value: float) -> None:
        """Add a window, by ascending start."""
        self._draw(start)
        self._drawn = start
        while self._windows and self._windows[-1][1] <= value:
            self._windows.pop()
        self._windows.append((end, value))

    def end(self) -> None:
        """Write what remains of the record."""
        if self._windows:
            self._draw(self._windows[-1][0])
        self._write()
        self._drawn = 0

    def _draw(self, to: int) -> None:
        """Draw the bases before `to`, which no later window contains."""
        while self._windows and self._drawn < to:
            end, value = self._windows[0]
            upto = min(end, to)
            self._draw_interval(self._drawn, upto, value)
            self._drawn = upto
            if end <= upto:
                self._windows.popleft()

    def _draw_interval(self, start: int, end: int, value: float) -> None:
        """Draw an interval; adjacent intervals with the same value become one line."""
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
    """Return the first lines of a bedGraph file."""
    return f'{comments}# value: {RULE}\ntrack type=bedGraph name="{name} {strand}"\n'


AT_ONCE = 10_000
PYBIGWIG = "pyBigWig"  # it has no type stubs
Entry = tuple[str, int, int, float]
"""Record, start, end (0-based half-open) and value."""
Writer = Callable[[Path, dict[str, int], Iterator[Entry]], None]
"""A function that writes entries, in the order of the names, to a bigWig; the dictionary has the records' lengths."""


class BigWigError(SeqdropError):
    """The library did not write the whole file."""


def write_bigwig(bedgraph: Path, begins: dict[str, int], lengths: dict[str, int], path: Path) -> None:
    """Write the lines of a bedGraph as bigWig, records by name; `begins` are the bytes at which records begin.

    Nothing is written if there are no lines: a bigWig cannot be empty.
    """
    names = sorted(begins)
    if names:
        chroms = {name: lengths[name] for name in names}
        choose_writer()(path, chroms, read_entries(bedgraph, begins, names))


def choose_writer() -> Writer:
    """Return the writer whose library is installed."""
    try:
        import_module(PYBIGWIG)
    except ImportError:
        return write_by_pybigtools
    return write_by_pybigwig


def read_entries(bedgraph: Path, begins: dict[str, int], names: list[str]) -> Iterator[Entry]:
    """Yield the lines of each record, in the order of `names`."""
    with bedgraph.open("rb") as file:
        for name in names:
            file.seek(begins[name])
            prefix = name.encode() + b"\t"
            for line in file:
                if not line.startswith(prefix):
                    break
                _, start, end, value = line.split(b"\t")
                yield name, int(start), int(end), float(value)


class _Watched:
    """Iterates over entries, and remembers the last one and whether all were taken."""

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
    """Write a bigWig and read its end again: pybigtools prints errors of its source instead of raising them."""
    import pybigtools

    watched = _Watched(entries)
    pybigtools.open(str(path), "w").write(chroms, iter(watched))
    if watched.last is None:
        raise BigWigError(f"{path.name} has no entries")
    name, start, end, _ = watched.last
    try:
        with pybigtools.open(str(path)) as file:
            is_whole = watched.is_complete and file.chroms() == chroms
            is_whole = is_whole and next(file.records(name, start, end))[:2] == (start, end)
    except Exception as error:
        raise BigWigError(f"{path.name} cannot be read again: {error!r}") from error
    if not is_whole:
        raise BigWigError(f"{path.name} ends before {name}:{start}-{end}")


def write_by_pybigwig(path: Path, chroms: dict[str, int], entries: Iterator[Entry]) -> None:
    """Write a bigWig with pyBigWig."""
    with import_module(PYBIGWIG).open(str(path), "w") as file:
        file.addHeader(list(chroms.items()))
        while part := list(islice(entries, AT_ONCE)):
            names, starts, ends, values = map(list, zip(*part, strict=True))
            file.addEntries(names, starts, ends=ends, values=values)
