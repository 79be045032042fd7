"""A block of sound reads, from which records are made only if they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.reads.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np


@dataclass(frozen=True, slots=True)
class Reads:
    """A block of sound FASTQ records, as byte indexes into `data`, which holds them until the next block is read."""

    data: np.ndarray
    names: np.ndarray
    name_ends: np.ndarray
    sequences: np.ndarray
    qualities: np.ndarray
    lengths: np.ndarray
    numbers: range | list[int]

    def __len__(self) -> int:
        return len(self.lengths)

    def records(self) -> Iterator[Record]:
        """Each read, copied out of the block."""
        text = self.data[: int(self.qualities[-1] + self.lengths[-1])].tobytes() if len(self) else b""
        columns = (self.names, self.name_ends, self.sequences, self.qualities, self.lengths)
        places = zip(self.numbers, *(column.tolist() for column in columns), strict=True)
        for number, name, name_end, sequence, quality, length in places:
            yield Record(
                number,
                text[name:name_end].decode("ascii"),
                text[sequence : sequence + length],
                text[quality : quality + length],
            )
