"""Profiles of sequences: length, GC, unknown characters, and k-mers (of proteins: pairs of residues).

Lengths are those of records. Everything else is counted in pieces of at most PIECE characters, so that a contig weighs
as much as the reads that cover it once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from seqdrop.monitoring.features import (
    BASES,
    DNA,
    GC,
    GC_BINS,
    KMERS,
    MOST_LENGTH_BITS,
    N_EDGES,
    PROTEIN,
    RESIDUES,
    UNKNOWN,
    K,
)
from seqdrop.monitoring.profile import Profile, blocks_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

PIECE = 256
BATCH = 2048  # pieces that are counted at once


def _codes(characters: str) -> NDArray[np.int64]:
    """Return a table from a byte to the number of its letter, in either case; -1 for any other byte."""
    table = np.full(256, -1, np.int64)
    for number, character in enumerate(characters):
        table[[ord(character), ord(character.lower())]] = number
    return table


DNA_CODES, RESIDUE_CODES = _codes(BASES), _codes(RESIDUES)
DNA_CODES[[ord("U"), ord("u")]] = BASES.index("T")


def _bins_of_kmers() -> NDArray[np.int64]:
    """Return the bin of each k-mer, by its number in base 4."""
    known = {word: number for number, word in enumerate(KMERS.bins)}
    table = np.zeros(4**K, np.int64)
    for word, number in known.items():
        other = word.translate(str.maketrans("ACGT", "TGCA"))[::-1]
        for each in (word, other):
            table[sum(BASES.index(letter) * 4 ** (K - 1 - place) for place, letter in enumerate(each))] = number
    return table


KMER_BINS = _bins_of_kmers()


def cut(text: bytes) -> list[bytes]:
    """Return a text in equal pieces of at most PIECE bytes: a short rest would have a GC content of its own."""
    number = -(-len(text) // PIECE)
    edges = [len(text) * place // max(number, 1) for place in range(number + 1)]
    return [text[start:end] for start, end in pairwise(edges)]


class SequenceProfiler:
    """Counts sequences of one alphabet ("dna" or "protein"). `finish` returns their profile."""

    def __init__(self, alphabet: str) -> None:
        self._is_dna = alphabet == "dna"
        self._profile = Profile.of(DNA if self._is_dna else PROTEIN)
        self._letters = 4 if self._is_dna else len(RESIDUES)
        self._k = K if self._is_dna else 2
        self._codes = DNA_CODES if self._is_dna else RESIDUE_CODES
        self._waiting: list[bytes] = []
        self._records = self._pieces = 0

    def add_length(self, length: int) -> None:
        """Count a record by its length; nothing if that is 0."""
        if not length:
            return
        number = np.array([min(int(4 * np.log2(length)), 4 * MOST_LENGTH_BITS - 1)])
        self._profile.histograms["length"].add(blocks_of(self._records, 1), number)
        self._records += 1

    def add_part(self, sequence: str) -> None:
        """Count what a part of a record consists of."""
        self._waiting += cut(sequence.encode("ascii", "replace"))
        if len(self._waiting) >= BATCH:
            self._count()

    def add_all(self, sequences: Iterable[str]) -> SequenceProfiler:
        """Count whole records; return this object."""
        for sequence in sequences:
            self.add_length(len(sequence))
            self.add_part(sequence)
        return self

    def finish(self) -> Profile:
        """Return the profile of all sequences so far."""
        self._count()
        return self._profile

    def _count(self) -> None:
        """Count the pieces that wait."""
        pieces, self._waiting = self._waiting, []
        if not pieces:
            return
        joined = np.frombuffer(b"\n".join(pieces) + b"\n", np.uint8)
        codes = self._codes[joined]
        lengths = np.array([len(piece) for piece in pieces])
        starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
        blocks = blocks_of(self._pieces, len(pieces))
        self._pieces += len(pieces)
        self._profile.observations = self._pieces
        self._count_shares(codes, starts, lengths, blocks)
        self._count_kmers(codes, np.repeat(blocks, lengths + 1))

    def _count_shares(
        self,
        codes: NDArray[np.int64],
        starts: NDArray[np.int64],
        lengths: NDArray[np.int64],
        blocks: NDArray[np.int64],
    ) -> None:
        """Count the share of unknown characters of each piece, and the share of G and C of its known ones."""
        known = np.add.reduceat(codes >= 0, starts, dtype=np.int64)
        share = (lengths - known) / lengths
        histograms = self._profile.histograms
        histograms[UNKNOWN.name].add(blocks, np.searchsorted(N_EDGES, share, side="right") - 1)
        if self._is_dna:
            gc = np.add.reduceat((codes == 1) | (codes == 2), starts, dtype=np.int64)
            has = known > 0
            bins = np.minimum(GC_BINS * gc[has] // known[has], GC_BINS - 1)
            histograms[GC.name].add(blocks[has], bins)

    def _count_kmers(self, codes: NDArray[np.int64], blocks: NDArray[np.int64]) -> None:
        """Count the k-mers that contain only known letters, and so none across the end of a piece."""
        number = np.zeros(len(codes) - self._k + 1, np.int64)
        valid = np.ones(len(number), np.bool_)
        for place in range(self._k):
            part = codes[place : place + len(number)]
            number = number * self._letters + part
            valid &= part >= 0
        bins = KMER_BINS[number[valid]] if self._is_dna else number[valid]
        self._profile.histograms[KMERS.name].add(blocks[: len(valid)][valid], bins)
