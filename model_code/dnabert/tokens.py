"""Conversion of nucleotide sequences to DNABERT token ids, in numpy.

Three kinds of sequence are used here, all one-dimensional:

* sequence: the bytes of a sequence, forward strand, 0-based.
* codes:    uint8, one per base: A 0, C 1, G 2, T and U 3, anything else 4. So the complement is ``3 - code``.
             Lower case has the codes of upper case.
* ids:      int64, one per k-mer: ``ids[i]`` is the k-mer of bases ``i .. i + k``; n bases have n - k + 1 k-mers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from common.checkpoints import read_vocabulary

if TYPE_CHECKING:
    from pathlib import Path

BASES = "ACGT"
RNA_TO_DNA = str.maketrans("Uu", "Tt")
"""U is T to the models, which were trained on DNA. Work items contain no U, except those of versions up to 0.2.0."""
KNOWN = "ACGTUacgtu"
"""The letters of known bases."""
OTHER = 4
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def _make_code_table() -> np.ndarray:
    table = np.full(256, OTHER, dtype=np.uint8)
    for letter in KNOWN:
        table[ord(letter)] = BASES.index(letter.translate(RNA_TO_DNA).upper())
    return table


_CODES = _make_code_table()


def encode_bases(sequence: bytes) -> np.ndarray:
    """Return the codes of a sequence of DNA or RNA in upper or lower case."""
    return _CODES[np.frombuffer(sequence, dtype=np.uint8)]


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Return the codes of the other strand, read 5' to 3'. Base i of the input is base n - 1 - i of the output."""
    backwards = codes[::-1]
    return np.where(backwards == OTHER, OTHER, 3 - backwards).astype(np.uint8)


@dataclass(frozen=True)
class KmerTokens:
    """A DNABERT vocabulary. vocab.txt determines k and the order of the k-mers.

    Raises ValueError for a vocabulary that lacks a special token, or whose k-mers are not of one length.
    """

    vocabulary: dict[str, int]
    k: int = field(init=False)
    """Bases in a token."""
    table: np.ndarray = field(init=False, repr=False)
    """Id of each k-mer, int64 (4**k,). The index is the k-mer as a number in base 4 (A 0, C 1, G 2, T 3)."""

    def __post_init__(self) -> None:
        missing = [token for token in SPECIALS if token not in self.vocabulary]
        if missing:
            raise ValueError(f"vocab.txt lacks {' '.join(missing)}")
        kmers = [token for token in self.vocabulary if token and not token.strip(BASES)]
        lengths = {len(kmer) for kmer in kmers}
        if len(lengths) != 1:
            raise ValueError(
                f"vocab.txt must contain k-mers of one length over {BASES}; its lengths are {sorted(lengths)}"
            )
        object.__setattr__(self, "k", lengths.pop())
        object.__setattr__(self, "table", self._make_table(kmers))

    def _make_table(self, kmers: list[str]) -> np.ndarray:
        table = np.full(len(BASES) ** self.k, self.vocabulary["[UNK]"], dtype=np.int64)
        codes = encode_bases("".join(kmers).encode()).reshape(-1, self.k)
        table[codes @ self._place_values()] = [self.vocabulary[kmer] for kmer in kmers]
        return table

    def _place_values(self) -> np.ndarray:
        return len(BASES) ** np.arange(self.k - 1, -1, -1, dtype=np.int64)

    @classmethod
    def from_file(cls, path: Path | str) -> KmerTokens:
        """Return the vocabulary of a vocab.txt."""
        return cls(read_vocabulary(path))

    @property
    def pad(self) -> int:
        """Id of [PAD]."""
        return self.vocabulary["[PAD]"]

    def token_count(self, bases: int) -> int:
        """Return the number of tokens of a sequence of that length, including [CLS] and [SEP]."""
        return bases - self.k + 1 + 2

    def kmer_ids(self, codes: np.ndarray) -> np.ndarray:
        """Return the ids of all k-mers; a k-mer that contains a code other than A, C, G and T is [MASK].

        The result is empty for fewer than k bases.
        """
        count = len(codes) - self.k + 1
        if count <= 0:
            return np.empty(0, dtype=np.int64)
        number = np.zeros(count, dtype=np.int64)
        for offset, value in enumerate(self._place_values()):
            number += codes[offset : offset + count] * value
        touched = np.convolve(codes == OTHER, np.ones(self.k, dtype=np.int64), mode="valid") > 0
        number[touched] = 0
        return np.where(touched, self.vocabulary["[MASK]"], self.table[number])

    def add_frame(self, rows: np.ndarray) -> np.ndarray:
        """Return model inputs, (n, T + 2), for k-mer ids (n, T): each row with [CLS] before and [SEP] after it."""
        cls, sep = self.vocabulary["[CLS]"], self.vocabulary["[SEP]"]
        return np.pad(rows, ((0, 0), (1, 1)), constant_values=((0, 0), (cls, sep)))
