"""A block of valid reads as arrays, which become Record objects only on request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.reads.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.reads.arrays import Int64Array, UInt8Array


@dataclass(frozen=True, slots=True)
class Reads:
    """A block of valid FASTQ records, as byte indexes into `data`, which is overwritten when the next block is read.

    `names` and `name_ends` are the starts and ends of names, `sequences` and `qualities` the starts of these lines.
    `lengths` are numbers of bases. `numbers` are the numbers of the records in the file, from 1.
    """

    data: UInt8Array
    names: Int64Array
    name_ends: Int64Array
    sequences: Int64Array
    qualities: Int64Array
    lengths: Int64Array
    numbers: range | list[int]

    def __len__(self) -> int:
        return len(self.lengths)

    def records(self) -> Iterator[Record]:
        """Yield each read, copied out of the block."""
        text = self.data[: int(self.qualities[-1] + self.lengths[-1])].tobytes() if len(self) else b""
        columns = (self.names, self.name_ends, self.sequences, self.qualities, self.lengths)
        rows = zip(self.numbers, *(column.tolist() for column in columns), strict=True)
        for number, name, name_end, sequence, quality, length in rows:
            yield Record(
                number,
                text[name:name_end].decode("ascii"),
                text[sequence : sequence + length],
                text[quality : quality + length],
            )
