"""BED: which stretches of which records are to be masked. Plain or gzip, in one pass and in bounded memory.

Format: https://samtools.github.io/hts-specs/BEDv1.pdf, of which three columns count: record, start, end (0-based,
half-open). Columns are apart by tabs or, in lines without a tab, by spaces; blank lines, comments (#) and the lines
`track …` and `browser …` say nothing here.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from seqdrop.errors import InvalidFileError
from seqdrop.reads.findings import Findings, Policy, fault
from seqdrop.reads.inflate import GzipStream
from seqdrop.reads.source import BLOCK, Digest, plain_stream
from seqdrop.reads.suffix import check_suffix

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_INTERVALS = 1_000_000  # 40 bytes each, twice while they are sorted, and the records' names
MOST_BYTES = 256 << 20  # of text
LONGEST_LINE = 1 << 16
LAST = 1 << 40  # no record is as long
ENOUGH = 1_000  # faults after which a file is not read on: it is no BED
LONGEST_NAME = 100  # of a record, in a message

BOM = b"\xef\xbb\xbf"
_HEADER = re.compile(rb"#|(track|browser)( |$)")
_WHOLE = re.compile(rb"-?[0-9]+")


@dataclass(frozen=True)
class Interval:
    """Half-open on a record, and the line (from 1) and byte (from 0, of the plain stream) that say so."""

    start: int
    end: int
    line: int
    byte: int


class Intervals:
    """All stretches of a file, by record and start; none overlaps another."""

    def __init__(self, names: dict[str, int], rows: np.ndarray):
        self._names, self._rows = names, rows
        self._first = np.searchsorted(rows[:, 0], np.arange(len(names) + 1))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def names(self) -> Iterator[str]:
        """Each record that has a stretch, once."""
        return iter(self._names)

    def of(self, name: str) -> Iterator[Interval]:
        """Those of a record, by start; none of a record that the file does not name."""
        number = self._names.get(name)
        if number is not None:
            for row in self._rows[self._first[number] : self._first[number + 1]]:
                yield Interval(*row[1:].tolist())


@dataclass(frozen=True)
class Bed:
    """A file that was read to its end; `sha256` is of its bytes as they were."""

    sha256: str
    intervals: Intervals


def read_bed(raw: BinaryIO, name: str = "") -> Bed:
    """Raises InvalidFileError with all that is wrong with the file as such.

    What fits no record is for others to find.
    """
    digest, findings, rows = Digest(raw), Findings(Policy()), _Rows()
    try:
        _read(digest, name, rows, findings)
    except InvalidFileError as error:
        findings.add(error.fault)
    findings.raise_errors()
    found = rows.sorted(findings)
    findings.raise_errors()
    return Bed(digest.sha256, found)


def _read(digest: Digest, name: str, rows: _Rows, findings: Findings) -> None:
    stream = plain_stream(digest)
    for line in _lines(stream):
        rows.take(line, findings)
        if findings.errors_so_far >= ENOUGH:
            return
    digest.drain()
    stream.check_end()
    for one in check_suffix(name, "bed", "gzip" if isinstance(stream, GzipStream) else None):
        findings.add(one)


Line = tuple[int, int, bytes]  # number from 1, byte from 0, text without its end


def _lines(stream) -> Iterator[Line]:
    number, at, rest, block = 0, 0, b"", bytearray(BLOCK)
    while got := stream.readinto(memoryview(block)):
        *whole, rest = (rest + bytes(block[:got])).split(b"\n")
        for text in whole:
            number += 1
            yield number, at, _plain(text, number)
            at += len(text) + 1
        _plain(rest, number + 1)
        if at > MOST_BYTES:
            raise InvalidFileError(fault("bed_too_large", f"the file has more than {MOST_BYTES:,} bytes of text"))
    if rest:
        yield number + 1, at, _plain(rest, number + 1)


def _plain(text: bytes, number: int) -> bytes:
    """A line without the CR of its end, and the first without a byte order mark."""
    if len(text) > LONGEST_LINE:
        raise InvalidFileError(fault("bed_too_large", f"a line has more than {LONGEST_LINE:,} bytes", line=number))
    return text.removesuffix(b"\r").removeprefix(BOM if number == 1 else b"")


class _Rows:
    """Collects stretches as columns of numbers."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._columns = tuple(array("q") for _ in range(5))

    def take(self, line: Line, findings: Findings) -> None:
        number, byte, text = line
        if not text.strip() or _HEADER.match(text):
            return
        fields = text.split(b"\t") if b"\t" in text else text.split()
        problem = _problem(fields)
        if problem:
            findings.add(fault(*problem, line=number, byte=byte))
            return
        if len(self._columns[0]) == MAX_INTERVALS:
            message = f"the file has more than {MAX_INTERVALS:,} stretches"
            raise InvalidFileError(fault("bed_too_large", message, line=number, byte=byte))
        record = self._names.setdefault(fields[0].decode("utf-8", "backslashreplace"), len(self._names))
        for column, value in zip(self._columns, (record, int(fields[1]), int(fields[2]), number, byte), strict=True):
            column.append(value)

    def sorted(self, findings: Findings) -> Intervals:
        """All of them; tells of those that overlap, and if there are none."""
        if not self._columns[0]:
            findings.add(fault("bed_empty", "the file has no stretch"))
        rows = np.stack([np.frombuffer(one, np.int64) for one in self._columns], axis=1)
        rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
        names = list(self._names)
        same, into = rows[1:, 0] == rows[:-1, 0], rows[1:, 1] < rows[:-1, 2]
        for at in np.flatnonzero(same & into).tolist():
            before, after = sorted((rows[at].tolist(), rows[at + 1].tolist()), key=lambda row: row[3])
            message = f"the stretch overlaps that of line {before[3]}"
            where = {"name": names[after[0]][:LONGEST_NAME], "line": after[3], "byte": after[4]}
            findings.add(fault("bed_overlap", message, **where))
        return Intervals(self._names, rows)


def _problem(fields: list[bytes]) -> tuple[str, str] | None:
    """Code and message of what keeps a line's fields from being a stretch."""
    if len(fields) < 3 or not fields[0]:
        return "bed_columns", f"the line has {len(fields)} columns; record, start and end are the least"
    if not all(_WHOLE.fullmatch(one) and len(one) < 20 for one in fields[1:3]):
        return "bed_number", "start and end must be whole numbers"
    start, end = int(fields[1]), int(fields[2])
    if start < 0 or end < 0:
        return "bed_negative", f"a position is negative: {start} to {end}"
    if start >= end:
        return "bed_order", f"start must be less than end (0-based, half-open): {start} to {end}"
    return ("bed_number", f"the position {end} lies in no record") if end > LAST else None
