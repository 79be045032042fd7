"""One strand's track: of each base the highest value of the windows that hold it, as bedGraph.

Format: https://genome.ucsc.edu/goldenPath/help/bedgraph.html (0-based half-open). Bases in no scored window have no
line. Windows come by ascending start and those of a record are equally long, so their ends ascend too: a window no
longer matters once a later one is as high.
"""

from __future__ import annotations

from collections import deque
from typing import BinaryIO

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
