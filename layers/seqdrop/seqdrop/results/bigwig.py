"""Write bigWig files.

Format: Kent et al., Bioinformatics 26:2204 (2010), supplementary tables 5 to 19; numbers are little-endian. The
libraries do not write the summaries for browsers right: pyBigWig 0.3.29 writes sum 0 to the last record of each block
of summaries, and pybigtools 0.3.0 counts bases without a value (findings/). So this module writes the file, and tests
read it with both. Summaries: results/bigwig_zoom.py. Search trees: results/bigwig_index.py.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from itertools import groupby, islice
from typing import TYPE_CHECKING

from seqdrop.errors import SeqdropError
from seqdrop.results import bigwig_zoom
from seqdrop.results.bigwig_index import Block, write_blocks, write_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

MAGIC, VERSION, BEDGRAPH = 0x888FFC26, 4, 1
PER_BLOCK = 1024
_HEADER = struct.Struct("<IHHQQQHHQQIQ")
_ZOOM_HEADER = struct.Struct("<IIQQ")  # size of windows, 0, offset of the data, offset of their tree
_SUMMARY = struct.Struct("<Qdddd")  # bases with a value, minimum, maximum, sum, sum of squares
_BLOCK_HEADER = struct.Struct("<IIIIIBBH")  # sequence, start, end, 0, 0, type, 0, number of entries
_ENTRY = struct.Struct("<IIf")

Entry = tuple[str, int, int, float]
"""Record, start, end (0-based half-open) and value."""


class BigWigError(SeqdropError):
    """Entries that cannot be stored as a bigWig."""


def write_bigwig_file(path: Path, lengths: dict[str, int], entries: Iterable[Entry]) -> None:
    """Write a bigWig; `lengths` is {record: length} with sorted names, and `entries` has the same order.

    Raise BigWigError if there are no entries, if they are not ordered or overlap, or if one is not within its record.
    """
    with path.open("wb") as file, bigwig_zoom.Levels() as levels:
        file.write(bytes(_HEADER.size + bigwig_zoom.LEVELS * _ZOOM_HEADER.size + _SUMMARY.size))
        names = file.tell()
        write_names(file, lengths)
        data = file.tell()
        writer = _DataWriter(file, lengths, levels)
        writer.write(entries)
        index = file.tell()
        write_blocks(file, writer.blocks, PER_BLOCK)
        zooms = [_write_level(file, level) for level in levels.choose(writer.count)]
        file.write(struct.pack("<I", MAGIC))
        summary = _HEADER.size + bigwig_zoom.LEVELS * _ZOOM_HEADER.size
        largest = max(_BLOCK_HEADER.size + PER_BLOCK * _ENTRY.size, bigwig_zoom.PER_BLOCK * bigwig_zoom.RECORD_SIZE)
        file.seek(0)
        file.write(_HEADER.pack(MAGIC, VERSION, len(zooms), names, data, index, 0, 0, 0, summary, largest, 0))
        file.write(b"".join(zooms))
        file.seek(summary)
        file.write(writer.summary())


def _write_level(file: BinaryIO, level: bigwig_zoom.Level) -> bytes:
    """Append a level of summaries to the file; return its header."""
    data = file.tell()
    file.write(struct.pack("<I", level.count))
    first = file.tell()
    level.file.seek(0)
    shutil.copyfileobj(level.file, file)
    index = file.tell()
    write_blocks(file, [block._replace(offset=first + block.offset) for block in level.blocks], bigwig_zoom.PER_BLOCK)
    return _ZOOM_HEADER.pack(level.size, 0, data, index)


class _DataWriter:
    """A writer of blocks of entries, which also counts and adds them to the levels of summaries."""

    def __init__(self, file: BinaryIO, lengths: dict[str, int], levels: bigwig_zoom.Levels) -> None:
        self._file, self._lengths, self._levels = file, lengths, levels
        self._ids = {name: number for number, name in enumerate(lengths)}
        self._end = (-1, 0)  # sequence and end of the last entry
        self.blocks: list[Block] = []
        self.count = 0
        self._bases, self._least, self._most = 0, float("inf"), float("-inf")
        self._sum, self._squares = 0.0, 0.0

    def write(self, entries: Iterable[Entry]) -> None:
        """Write all entries, after the number of their blocks."""
        begin = self._file.tell()
        self._file.write(bytes(8))
        for name, group in groupby(entries, key=lambda entry: entry[0]):
            for block in _split(group):
                self._write_block(name, block)
        if not self.blocks:
            raise BigWigError("a bigWig must have at least one value")
        end = self._file.tell()
        self._file.seek(begin)
        self._file.write(struct.pack("<Q", len(self.blocks)))
        self._file.seek(end)

    def _write_block(self, name: str, entries: list[Entry]) -> None:
        sequence, start, end = self._ids[name], entries[0][1], entries[-1][2]
        packed = b"".join([self._pack(sequence, entry) for entry in entries])
        header = _BLOCK_HEADER.pack(sequence, start, end, 0, 0, BEDGRAPH, 0, len(entries))
        body = zlib.compress(header + packed)
        self.blocks.append(Block(sequence, start, sequence, end, self._file.tell(), len(body)))
        self._file.write(body)
        for at, to, value in _ENTRY.iter_unpack(packed):  # values as 32-bit numbers, as readers see them
            self._add(sequence, at, to, value)

    def _pack(self, sequence: int, entry: Entry) -> bytes:
        name, start, end, value = entry
        if (sequence, start) < self._end or not 0 <= start < end <= self._lengths[name]:
            raise BigWigError(f"{name}:{start}-{end} is out of order, or not within its record")
        self._end = sequence, end
        return _ENTRY.pack(start, end, value)

    def _add(self, sequence: int, start: int, end: int, value: float) -> None:
        bases = end - start
        self.count += 1
        self._bases += bases
        self._least, self._most = min(self._least, value), max(self._most, value)
        self._sum += bases * value
        self._squares += bases * value * value
        self._levels.add(sequence, start, end, value)

    def summary(self) -> bytes:
        """Return the summary of the whole file."""
        return _SUMMARY.pack(self._bases, self._least, self._most, self._sum, self._squares)


def _split(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while block := list(islice(entries, PER_BLOCK)):
        yield block
