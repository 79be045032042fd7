"""Count the quality figures of one file while it is read (qc.schema.json)."""

from __future__ import annotations

from collections import Counter
from math import log10
from typing import TYPE_CHECKING, Literal

import numpy as np

from seqdrop.reads.findings import fault
from seqdrop.reads.first_reads import FirstReads
from seqdrop.reads.lengths import Lengths
from seqdrop.reads.measure import BASES, BINS, ERROR_UNIT, EXACT, OFFSET, Measure
from seqdrop.reads.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.errors import Fault
    from seqdrop.reads.arrays import Int64Array
    from seqdrop.report.schema import BaseCounts, Bins, Pairs, Positions, Qc, QualityEncoding

A, C, G, T, N = range(len(BASES))
UNUSUAL_RESIDUES = "XBZJUO"
# Phred+64 uses characters from ; (Solexa's -5) to ~, Illumina's Phred+33 from ! to J. From ; to J it may be either.
LOWEST_64, HIGHEST_33 = ord(";"), ord("J")


class Tally:
    """The counts over all valid records of a file."""

    def __init__(self) -> None:
        self.records = 0
        self.sums = Measure()
        self.lengths = Lengths()
        self.origin = Origin()
        self.first_reads = FirstReads()
        self.with_quality = 0  # number of bases with a quality
        self.bases = 0
        self.residues: Counter[str] | None = None  # the number of each residue in upper case; None unless proteins

    def add(self, measure: Measure, lengths: Int64Array) -> None:
        """Add a block of reads with qualities."""
        self.sums.add(measure)
        self.lengths.add(lengths, measure.shortest, measure.longest)
        self.records += len(lengths)
        self.bases += measure.bases
        self.with_quality += measure.bases

    def add_bases(self, measure: Measure) -> None:
        """Add sequence of nucleotide FASTA. `add_length` counts the records, because a record may span blocks."""
        self.sums.add(measure)
        self.bases += int(measure.bins[: len(BASES)].sum()) + measure.ambiguous

    def add_residues(self, counts: Int64Array) -> None:
        """Add sequence of proteins. `counts` is the number of each byte, (256,); only letters are counted."""
        upper, lower = counts[65:91], counts[97:123]
        residues = {chr(65 + index): int(number) for index, number in enumerate(upper + lower) if number}
        self.residues = (self.residues or Counter()) + Counter(residues)
        self.bases += sum(residues.values())
        self.sums.lower += int(lower.sum())
        self.sums.ambiguous += sum(number for letter, number in residues.items() if letter in UNUSUAL_RESIDUES)

    def add_length(self, length: int) -> None:
        """Add a record of FASTA with this number of bases or residues."""
        self.records += 1
        self.lengths.add(np.array([length]), length, length)

    def alphabet(self) -> Literal["dna", "rna", "mixed", "protein"]:
        """Return the alphabet of the sequences: "rna" if they have U but no T, "mixed" if they have both."""
        if self.residues is not None:
            return "protein"
        if not self.sums.uracil:
            return "dna"
        return "mixed" if self._count_thymine() else "rna"

    def alphabet_faults(self) -> Iterator[Fault]:
        """Yield the fault of a file with U and T."""
        if self.alphabet() == "mixed":
            counts = f"{self.sums.uracil:,} U and {self._count_thymine():,} T"
            yield fault("mixed_u_and_t", f"the sequences have {counts}")

    def _count_thymine(self) -> int:
        return int(self.sums.bins[T].sum()) - self.sums.uracil

    def find_phred64_evidence(self) -> str | None:
        """Return a text with the evidence that qualities are Phred+64; None if there is none."""
        low, high = self.sums.lowest, self.sums.highest
        if self.with_quality and low >= LOWEST_64 and high > HIGHEST_33:
            scores = f"{low - OFFSET} to {high - OFFSET}"
            return f"quality characters range from {low} to {high} (ASCII); as Phred+33 the scores would be {scores}"
        return None

    def report(self) -> Qc:
        """Return the figures as JSON. Fractions are shares of bases.

        Mean qualities are arithmetic means of scores; those "from errors" are the scores of mean error probabilities.
        """
        counts = self.sums.bins[: len(BASES)].sum(axis=1)
        quality = int(self.sums.bins[-1].sum()) - OFFSET * self.with_quality
        is_protein = self.residues is not None
        return {
            "records": self.records,
            "alphabet": self.alphabet(),
            "bases": self.bases,
            "gc_fraction": _ratio(counts[C] + counts[G], counts[:N].sum()),
            "n_fraction": None if is_protein else _ratio(counts[N], self.bases),
            "base_counts": None if is_protein else self._base_counts(counts),
            "uracil": None if is_protein else self.sums.uracil,
            "residue_counts": None if self.residues is None else dict(sorted(self.residues.items())),
            "ambiguous": self.sums.ambiguous,
            "lower_case": self.sums.lower,
            "shortest": self.lengths.shortest,
            "longest": self.lengths.longest,
            "mean_length": _ratio(self.bases, self.records, 1),
            "n50": self.lengths.n50(),
            "lengths": self.lengths.histogram(),
            "mean_quality": _ratio(quality, self.with_quality, 2),
            "mean_quality_from_errors": self._mean_quality_from_errors(),
            "q20_fraction": _ratio(self.sums.q20, self.with_quality),
            "q30_fraction": _ratio(self.sums.q30, self.with_quality),
            "quality_encoding": self._encoding(),
            "read_quality": _count_scores(self.sums.scores),
            "read_quality_from_errors": _count_scores(self.sums.error_scores),
            "positions": self._positions(),
            "bins": self._bins(),
            "origin": self.origin.report(),
        }

    def _base_counts(self, counts: Int64Array) -> BaseCounts:
        return {"A": int(counts[A]), "C": int(counts[C]), "G": int(counts[G]), "T": int(counts[T]), "N": int(counts[N])}

    def _encoding(self) -> QualityEncoding | None:
        if not self.with_quality:
            return None
        encoding: QualityEncoding = {"name": "phred+33", "lowest": self.sums.lowest, "highest": self.sums.highest}
        if self.find_phred64_evidence():
            encoding["name"] = "phred+64"
        return encoding

    def _mean_quality_from_errors(self) -> float | None:
        """Return the Phred score of the mean probability of an error over all bases."""
        if not self.with_quality:
            return None
        mean = self.sums.errors / self.with_quality / ERROR_UNIT
        return round(max(0.0, -10 * log10(mean)), 2)

    def _positions(self) -> Positions | None:
        """Return the figures of each of the first EXACT positions; None without qualities."""
        if not self.with_quality:
            return None
        end = min(self.lengths.longest, EXACT)
        reads = self.lengths.count_reaching(EXACT)[:end]
        content = self.sums.content[:, :end]
        quality = self.sums.quality[:end]
        return {
            "reads": reads.tolist(),
            "A": _means(content[A], reads, 4),
            "C": _means(content[C], reads, 4),
            "G": _means(content[G], reads, 4),
            "T": _means(content[T], reads, 4),
            "N": _means(content[N], reads, 4),
            "quality": _means(quality - OFFSET * reads, reads),
        }

    def _bins(self) -> Bins | None:
        """Return the figures of bins of EXACT positions; None unless a read is longer than EXACT.

        If there are BINS bins, the last one has all later positions.
        """
        if self.lengths.longest <= EXACT or not self.with_quality:
            return None
        end = min(BINS, -(-self.lengths.longest // EXACT))
        content = self.sums.bins[: len(BASES), :end]
        bases = content.sum(axis=0)
        quality = _means(self.sums.bins[-1, :end] - OFFSET * bases, bases)
        return {
            "width": EXACT,
            "A": _means(content[A], bases, 4),
            "C": _means(content[C], bases, 4),
            "G": _means(content[G], bases, 4),
            "T": _means(content[T], bases, 4),
            "N": _means(content[N], bases, 4),
            "quality": quality,
        }


def _count_scores(counts: Int64Array) -> Pairs:
    """Return [score, number of reads] pairs."""
    return [[score, count] for score, count in enumerate(counts.tolist()) if count]


def _means(sums: Int64Array, counts: Int64Array, digits: int = 2) -> list[float | None]:
    return [_ratio(int(part), int(whole), digits) for part, whole in zip(sums, counts, strict=True)]


def _ratio(part: int | np.int64, whole: int | np.int64, digits: int = 4) -> float | None:
    """Return part / whole, rounded; None if `whole` is 0."""
    return round(float(part) / float(whole), digits) if whole else None
