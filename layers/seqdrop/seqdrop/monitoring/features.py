"""The features whose distributions are compared: what each measures, its bins, and how large a change is too large.

A feature is a histogram over pieces of records, windows or residues. Its limit is a Jensen-Shannon distance (0: the
same distribution, 1: no value in common). 0.13 is what a population stability index of 0.1 corresponds to.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

Side = Literal["inputs", "predictions"]

BASES = "ACGT"
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
STATES = "HEC"
COMPLEMENT = str.maketrans("ACGT", "TGCA")
K = 4  # length of the k-mers: 136 of them, if those of both strands count as one
MOST_LENGTH_BITS = 30


@dataclass(frozen=True)
class Feature:
    """A histogram. `bins` are the names of its bins; `limit` is the largest distance that is no drift."""

    name: str
    title: str
    unit: str
    bins: tuple[str, ...]
    limit: float
    side: Side = "inputs"


def canonical_kmers(k: int = K) -> tuple[str, ...]:
    """Return the k-mers in alphabetical order, each with its reverse complement as one: the smaller of the two."""
    words = ("".join(bases) for bases in product(BASES, repeat=k))
    return tuple(word for word in words if word <= word.translate(COMPLEMENT)[::-1])


def _length_bins() -> tuple[str, ...]:
    """Return the names of bins of lengths: four for each doubling; the last one is open."""
    return tuple(f"{2 ** (number / 4):.0f}" for number in range(4 * MOST_LENGTH_BITS))


N_EDGES = (0.0, 1e-9, 0.02, 0.05, 0.1, 0.25, 0.5)
"""Lower edges of the bins of the share of unknown characters; the first bin is a share of exactly 0."""
GC_BINS = 50
SCORE_EDGES = tuple(number / 2 for number in range(-12, 13))
"""Edges of the bins of scores, as logits: models are often sure, so few bins of equal width would hold most scores."""

LENGTH = Feature("length", "Length of records", "length", _length_bins(), 0.2)
GC = Feature("gc", "GC content", "% G and C", tuple(f"{100 * b / GC_BINS:.0f}" for b in range(GC_BINS)), 0.13)
UNKNOWN = Feature(
    "unknown", "Unknown characters (N, X)", "share", ("0", "<2 %", "<5 %", "<10 %", "<25 %", "<50 %", "more"), 0.13
)
KMERS = Feature("kmers", f"{K}-mers, both strands", "", canonical_kmers(), 0.1)
DIPEPTIDES = Feature("kmers", "Pairs of residues", "", tuple("".join(p) for p in product(RESIDUES, repeat=2)), 0.1)
SCORE = Feature(
    "score",
    "Scores",
    "logit of the score",
    ("below", *(f"{edge:g}" for edge in SCORE_EDGES[:-1]), "above"),
    0.13,
    "predictions",
)
CALLS = Feature("calls", "Calls", "", ("not called", "called"), 0.0, "predictions")  # compared as a rate, in drift.py
STATE = Feature("states", "Predicted states", "", tuple(STATES), 0.13, "predictions")

DNA = (LENGTH, GC, UNKNOWN, KMERS)
PROTEIN = (LENGTH, UNKNOWN, DIPEPTIDES)
PREDICTIONS = (SCORE, CALLS, STATE)
