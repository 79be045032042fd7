"""From nucleotide letters to DNABERT token ids, in numpy.

Three kinds of array pass through here, all one-dimensional:

* letters: the bytes of a sequence, forward strand, 0-based.
* codes:   uint8, one per base: A 0, C 1, G 2, T 3, anything else 4. So the complement is ``3 - code``.
* ids:     int64, one per k-mer: ``ids[i]`` stands for bases ``i .. i + k``; n bases have n - k + 1 of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from common.checkpoints import read_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

BASES = "ACGT"
OTHER = 4
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def _letter_codes() -> np.ndarray:
    table = np.full(256, OTHER, dtype=np.uint8)
    for code, base in enumerate(BASES):
        table[ord(base)] = table[ord(base.lower())] = code
    return table


_CODES = _letter_codes()


def encode_bases(letters: bytes) -> np.ndarray:
    """Codes of a sequence, either case."""
    return _CODES[np.frombuffer(letters, dtype=np.uint8)]


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Codes of the other strand, read 5' to 3'; base i of the input is base n - 1 - i of the output."""
    backwards = codes[::-1]
    return np.where(backwards == OTHER, OTHER, 3 - backwards).astype(np.uint8)


@dataclass(frozen=True)
class KmerTokens:
    """A DNABERT vocabulary: k and the order of the k-mers are what vocab.txt says they are."""

    vocabulary: dict[str, int]
    k: int = field(init=False)
    """Bases in a token."""
    table: np.ndarray = field(init=False, repr=False)
    """int64 of 4**k: the id of each k-mer, at the k-mer read as a number in base 4 (A 0, C 1, G 2, T 3)."""

    def __post_init__(self) -> None:
        missing = [token for token in SPECIALS if token not in self.vocabulary]
        if missing:
            raise ValueError(f"vocab.txt lacks {' '.join(missing)}")
        kmers = [token for token in self.vocabulary if token and not token.strip(BASES)]
        lengths = {len(kmer) for kmer in kmers}
        if len(lengths) != 1:
            raise ValueError(f"vocab.txt must hold k-mers of one length over {BASES}, found lengths {sorted(lengths)}")
        object.__setattr__(self, "k", lengths.pop())
        object.__setattr__(self, "table", self._table(kmers))

    def _table(self, kmers: list[str]) -> np.ndarray:
        table = np.full(len(BASES) ** self.k, self.vocabulary["[UNK]"], dtype=np.int64)
        codes = encode_bases("".join(kmers).encode()).reshape(-1, self.k)
        table[codes @ self._place_values()] = [self.vocabulary[kmer] for kmer in kmers]
        return table

    def _place_values(self) -> np.ndarray:
        return len(BASES) ** np.arange(self.k - 1, -1, -1, dtype=np.int64)

    @classmethod
    def from_file(cls, path: Path | str) -> KmerTokens:
        return cls(read_vocabulary(path))

    @property
    def pad(self) -> int:
        return self.vocabulary["[PAD]"]

    def token_count(self, bases: int) -> int:
        """Tokens that the model sees for a sequence of so many bases, [CLS] and [SEP] included."""
        return bases - self.k + 1 + 2

    def kmer_ids(self, codes: np.ndarray) -> np.ndarray:
        """Ids of all k-mers, none below k bases; [MASK] for one that touches anything but A, C, G, T."""
        count = len(codes) - self.k + 1
        if count <= 0:
            return np.empty(0, dtype=np.int64)
        number = np.zeros(count, dtype=np.int64)
        for offset, value in enumerate(self._place_values()):
            number += codes[offset : offset + count] * value
        touched = np.convolve(codes == OTHER, np.ones(self.k, dtype=np.int64), mode="valid") > 0
        number[touched] = 0
        return np.where(touched, self.vocabulary["[MASK]"], self.table[number])

    def framed(self, rows: np.ndarray) -> np.ndarray:
        """Model input (n, T + 2) from k-mer ids (n, T): [CLS] before and [SEP] after each row."""
        cls, sep = self.vocabulary["[CLS]"], self.vocabulary["[SEP]"]
        return np.pad(rows, ((0, 0), (1, 1)), constant_values=((0, 0), (cls, sep)))
