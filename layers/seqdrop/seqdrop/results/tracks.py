"""One strand's track: of each base the highest value of the windows that hold it, as bedGraph.

Format: https://genome.ucsc.edu/goldenPath/help/bedgraph.html (0-based half-open). Bases in no scored window have no
line. Windows come by ascending start and those of a record are equally long, so their ends ascend too: a window no
longer matters once a later one is as high.

A bigWig of a bedGraph that we wrote. Format: Kent et al., Bioinformatics 26:2204 (2010).

pyBigWig writes it; on arm64, for which it has no wheels, pybigtools does.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO

from seqdrop.errors import SeqdropError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RULE = "of each base the highest value of the windows that hold it"
MOST_RECORDS = 1_000_000
"""Records whose place in the file is remembered; a bigWig takes them by name, and is told of all beforehand."""


class Track:
    """Writes the lines of record after record to an open file: `begin`, `add` for each window, `end`."""

    def __init__(self, file: BinaryIO, header: str = "") -> None:
        self._file, self._size = file, 0
        self._windows: deque[tuple[int, float]] = deque()  # (end, value) of those that matter: values fall, ends rise
        self._drawn, self._line = 0, None
        self.begins: dict[str, int] | None = {}
        """The byte at which a record's lines begin; None if there are too many records."""
        self._put(header)

    def begin(self, record: str) -> None:
        self._record, self._new = record, True

    def add(self, start: int, end: int, value: float) -> None:
        self._draw(start)
        self._drawn = start
        while self._windows and self._windows[-1][1] <= value:
            self._windows.pop()
        self._windows.append((end, value))

    def end(self) -> None:
        if self._windows:
            self._draw(self._windows[-1][0])
        self._write()
        self._drawn = 0

    def _draw(self, to: int) -> None:
        """Bases before `to`: no window that is still to come holds them."""
        while self._windows and self._drawn < to:
            end, value = self._windows[0]
            upto = min(end, to)
            self._stretch(self._drawn, upto, value)
            self._drawn = upto
            if end <= upto:
                self._windows.popleft()

    def _stretch(self, start: int, end: int, value: float) -> None:
        """Stretches of one value that touch become one line."""
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
    return f'{comments}# value: {RULE}\ntrack type=bedGraph name="{name} {strand}"\n'


AT_ONCE = 10_000
Entry = tuple[str, int, int, float]


class BigWigError(SeqdropError):
    """The library did not write all of it."""


def bigwig(bedgraph: Path, begins: dict[str, int], lengths: dict[str, int], path: Path) -> None:
    """Write the lines of a bedGraph as bigWig, records by name; `begins` says where a record's lines begin.

    Nothing is written if there are no lines: there is no empty bigWig.
    """
    names = sorted(begins)
    if names:
        chroms = {name: lengths[name] for name in names}
        writer()(path, chroms, entries(bedgraph, begins, names))


def writer():
    try:
        import pyBigWig  # noqa: F401
    except ImportError:
        return by_pybigtools
    return by_pybigwig


def entries(bedgraph: Path, begins: dict[str, int], names: list[str]) -> Iterator[Entry]:
    """The lines of each record, in order of `names`."""
    with bedgraph.open("rb") as file:
        for name in names:
            file.seek(begins[name])
            marked = name.encode() + b"\t"
            for line in file:
                if not line.startswith(marked):
                    break
                _, start, end, value = line.split(b"\t")
                yield name, int(start), int(end), float(value)


def by_pybigtools(path: Path, chroms: dict[str, int], found: Iterator[Entry]) -> None:
    """It prints an error where it should raise one: what it has written is looked at."""
    import pybigtools

    last, whole = None, False

    def seen() -> Iterator[Entry]:
        nonlocal last, whole
        for entry in found:
            last = entry
            yield entry
        whole = True

    pybigtools.open(str(path), "w").write(chroms, seen())
    try:
        name, start, end, _ = last
        with pybigtools.open(str(path)) as written:
            whole = whole and written.chroms() == chroms
            whole = whole and next(written.records(name, start, end))[:2] == (start, end)
    except Exception as error:
        raise BigWigError(f"{path.name} cannot be read again: {error!r}") from error
    if not whole:
        raise BigWigError(f"{path.name} ends before {name}:{start}-{end}")


def by_pybigwig(path: Path, chroms: dict[str, int], found: Iterator[Entry]) -> None:
    import pyBigWig

    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(chroms.items()))
        while part := list(islice(found, AT_ONCE)):
            names, starts, ends, values = map(list, zip(*part, strict=True))
            file.addEntries(names, starts, ends=ends, values=values)
