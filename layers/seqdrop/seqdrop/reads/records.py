"""One entry of a sequence file, and blocks of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

# IUPAC nucleotide codes (NC-IUB 1984), RNA's U included, either case.
NUCLEOTIDES = b"ACGTURYSWKMBDHVNacgturyswkmbdhvn"
NUCLEOTIDES_BUT_CODES = b"ACGTUNacgtun"


class Record(NamedTuple):
    """One entry. `number` counts from 1; `quality` is None in FASTA, else as long as `sequence`."""

    number: int
    name: str
    sequence: bytes
    quality: bytes | None = None


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
