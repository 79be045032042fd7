"""Read BED files with the intervals to mask, plain or gzip, in one pass and in bounded memory.

Format: https://samtools.github.io/hts-specs/BEDv1.pdf. Three columns are used: record, start, end (0-based, half-open).
Columns are separated by tabs or, in lines without a tab, by spaces. Blank lines, comments (#) and lines that start with
`track` or `browser` are ignored.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seqdrop.errors import InvalidFileError
from seqdrop.reads.digest import BLOCK, Digest
from seqdrop.reads.findings import Findings, Policy, fault
from seqdrop.reads.inflate import GzipStream
from seqdrop.reads.source import open_stream
from seqdrop.reads.suffix import check_suffix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import SupportsRead

    from seqdrop.reads.arrays import Int64Array
    from seqdrop.reads.source import PlainText

MAX_INTERVALS = 1_000_000  # each takes 40 bytes, twice as many during sorting; names come on top
MAX_TEXT = 256 << 20  # bytes of the decompressed file
LONGEST_LINE = 1 << 16
MAX_POSITION = 1 << 40  # no record is as long
MAX_FAULTS = 1_000  # reading stops then, because the file is probably not BED
LONGEST_NAME = 100  # characters of a record's name in a message

BOM = b"\xef\xbb\xbf"
_HEADER = re.compile(rb"#|(track|browser)( |$)")
_WHOLE = re.compile(rb"-?[0-9]+")


@dataclass(frozen=True)
class Interval:
    """An interval of a record, 0-based half-open, with its line (from 1) and byte (from 0) in the decompressed file."""

    start: int
    end: int
    line: int
    byte: int


class Intervals:
    """All intervals of a file, ordered by record and start; no two overlap.

    `names` is {record: its number from 0}. `rows` is (intervals, 5): number of the record, start, end, line, byte.
    """

    def __init__(self, names: dict[str, int], rows: Int64Array) -> None:
        self._names = names
        self._rows = rows
        self._first = np.searchsorted(rows[:, 0], np.arange(len(names) + 1))

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def names(self) -> Iterator[str]:
        """The names of the records that have an interval."""
        return iter(self._names)

    def of(self, name: str) -> Iterator[Interval]:
        """Yield the intervals of a record, ordered by start; none if the record is not in the file."""
        number = self._names.get(name)
        if number is not None:
            for row in self._rows[self._first[number] : self._first[number + 1]]:
                yield Interval(*row[1:].tolist())


@dataclass(frozen=True)
class Bed:
    """A valid BED file; `sha256` is the hash of the file as it was uploaded, in hexadecimal."""

    sha256: str
    intervals: Intervals


class Line(NamedTuple):
    """A line without its end; `number` counts from 1, `byte` from 0."""

    number: int
    byte: int
    text: bytes


def read_bed(raw: SupportsRead[bytes], name: str = "") -> Bed:
    """Read a BED file. Raise InvalidFileError with all its errors.

    The suffix of `name` is compared with the content. `companions.bed_masks` checks whether intervals fit a FASTA.
    """
    digest, findings, table = Digest(raw), Findings(Policy()), _Table()
    try:
        _read(digest, name, table, findings)
    except InvalidFileError as error:
        findings.add(error.fault)
    findings.raise_errors()
    intervals = table.sort(findings)
    findings.raise_errors()
    return Bed(digest.sha256, intervals)


def _read(digest: Digest, name: str, table: _Table, findings: Findings) -> None:
    stream = open_stream(digest)
    for line in _read_lines(stream):
        table.add(line, findings)
        if findings.errors_so_far >= MAX_FAULTS:
            return
    digest.drain()
    for end_fault in stream.end_faults():
        findings.add(end_fault)
    for suffix_fault in check_suffix(name, "bed", "gzip" if isinstance(stream, GzipStream) else None):
        findings.add(suffix_fault)


def _read_lines(stream: PlainText) -> Iterator[Line]:
    number, at, rest = 0, 0, b""
    block = bytearray(BLOCK)
    while size := stream.readinto(memoryview(block)):
        *whole, rest = (rest + bytes(block[:size])).split(b"\n")
        for text in whole:
            number += 1
            yield Line(number, at, _strip(text, number))
            at += len(text) + 1
        _strip(rest, number + 1)
        if at > MAX_TEXT:
            raise InvalidFileError(fault("bed_too_large", f"the file has more than {MAX_TEXT:,} bytes of text"))
    if rest:
        yield Line(number + 1, at, _strip(rest, number + 1))


def _strip(text: bytes, number: int) -> bytes:
    """Return a line without a final CR and, for the first line, without a byte order mark.

    Raise InvalidFileError if the line is too long.
    """
    if len(text) > LONGEST_LINE:
        raise InvalidFileError(fault("bed_too_large", f"a line has more than {LONGEST_LINE:,} bytes", line=number))
    return text.removesuffix(b"\r").removeprefix(BOM if number == 1 else b"")


class _Table:
    """A collection of intervals as columns of numbers."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._columns = tuple(array("q") for _ in range(5))

    def add(self, line: Line, findings: Findings) -> None:
        """Add the interval of a line, or report its fault. Raise InvalidFileError if there are too many."""
        number, byte, text = line
        if not text.strip() or _HEADER.match(text):
            return
        fields = text.split(b"\t") if b"\t" in text else text.split()
        problem = _find_problem(fields)
        if problem:
            findings.add(fault(*problem, line=number, byte=byte))
            return
        if len(self._columns[0]) == MAX_INTERVALS:
            message = f"the file has more than {MAX_INTERVALS:,} intervals"
            raise InvalidFileError(fault("bed_too_large", message, line=number, byte=byte))
        record = self._names.setdefault(fields[0].decode("utf-8", "backslashreplace"), len(self._names))
        for column, value in zip(self._columns, (record, int(fields[1]), int(fields[2]), number, byte), strict=True):
            column.append(value)

    def sort(self, findings: Findings) -> Intervals:
        """Return all intervals in order. Report intervals that overlap, and a file without intervals."""
        if not self._columns[0]:
            findings.add(fault("bed_empty", "the file has no interval"))
        rows = np.stack([np.frombuffer(column, np.int64) for column in self._columns], axis=1)
        rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
        names = list(self._names)
        is_same_record = rows[1:, 0] == rows[:-1, 0]
        starts_before_end = rows[1:, 1] < rows[:-1, 2]
        for at in np.flatnonzero(is_same_record & starts_before_end).tolist():
            pair: list[list[int]] = rows[at : at + 2].tolist()
            earlier, later = sorted(pair, key=lambda row: row[3])
            record, _, _, line, byte = later
            message = f"the interval overlaps the interval of line {earlier[3]}"
            findings.add(fault("bed_overlap", message, name=names[record][:LONGEST_NAME], line=line, byte=byte))
        return Intervals(self._names, rows)


def _find_problem(fields: list[bytes]) -> tuple[str, str] | None:
    """Return (code, message) if the fields of a line are not an interval, otherwise None."""
    if len(fields) < 3 or not fields[0]:
        return "bed_columns", f"the line has {len(fields)} columns; at least a record, a start and an end are needed"
    if not all(_WHOLE.fullmatch(field) and len(field) < 20 for field in fields[1:3]):
        return "bed_number", "start and end must be whole numbers"
    start, end = int(fields[1]), int(fields[2])
    if start < 0 or end < 0:
        return "bed_negative", f"a position is negative: {start} to {end}"
    if start >= end:
        return "bed_order", f"start must be less than end (0-based, half-open): {start} to {end}"
    return ("bed_number", f"position {end} is beyond any record") if end > MAX_POSITION else None
