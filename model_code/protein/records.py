"""The normalised training data: train.jsonl, validation.jsonl and test.jsonl, one protein per line.

A line is {"id", "sequence", "labels"}, as in training_record.schema.json. No error message contains a sequence.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common.json_lines import read_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SPLITS = ("train", "validation", "test")
NOT_SCORED = "-"
CONTEXT = 32
"""Residues that adjacent windows of a long protein share. Each window scores the half that is nearer to its middle."""


@dataclass(frozen=True)
class Protein:
    """A protein with its labels."""

    id: str
    sequence: str
    labels: str
    """One letter per residue: its class, or NOT_SCORED."""


@dataclass(frozen=True)
class TrainingWindow:
    """One input of the model: a protein, or an interval of a long one."""

    protein: int
    """Index of its protein."""
    sequence: str
    labels: str


def read(path: Path, classes: str) -> list[Protein]:
    """Return all proteins of a file. Raise ValueError, with file and line, for an invalid line or an empty file."""
    proteins = [_make_protein(place, texts, classes) for place, texts in read_texts(path, "id", "sequence", "labels")]
    if not proteins:
        raise ValueError(f"{path.name} contains no protein")
    return proteins


def _make_protein(place: str, texts: list[str], classes: str) -> Protein:
    protein = Protein(*texts)
    if not protein.sequence or len(protein.sequence) != len(protein.labels):
        raise ValueError(f"{place}: {len(protein.sequence)} residues and {len(protein.labels)} labels")
    if unknown := set(protein.labels) - {*classes, NOT_SCORED}:
        raise ValueError(f"{place}: labels {' '.join(sorted(unknown))} are not among {classes}{NOT_SCORED}")
    return protein


def read_splits(folder: Path, classes: str) -> dict[str, list[Protein]]:
    """Return the proteins of each split. Raise ValueError if a file is missing or invalid."""
    missing = [f"{split}.jsonl" for split in SPLITS if not (folder / f"{split}.jsonl").is_file()]
    if missing:
        raise ValueError(f"the data channel lacks {', '.join(missing)}")
    return {split: read(folder / f"{split}.jsonl", classes) for split in SPLITS}


def digest(folder: Path) -> str:
    """Return the identity of the training data: the SHA-256 of the files' SHA-256 digests, in the order of SPLITS."""
    total = hashlib.sha256()
    for split in SPLITS:
        total.update(hashlib.sha256((folder / f"{split}.jsonl").read_bytes()).digest())
    return total.hexdigest()


def count(proteins: Sequence[Protein]) -> dict[str, Any]:
    """Return the counts of a split for card.json: proteins, residues, scored residues, and residues of each class."""
    labels = Counter("".join(protein.labels for protein in proteins))
    hidden = labels.pop(NOT_SCORED, 0)
    residues = hidden + labels.total()
    return {
        "proteins": len(proteins),
        "residues": residues,
        "scored": labels.total(),
        "classes": dict(sorted(labels.items())),
    }


def cut_windows(proteins: Sequence[Protein], longest: int) -> list[TrainingWindow]:
    """Return the windows of all proteins; those over `longest` residues are cut.

    Each residue is scored in exactly one window.
    """
    windows = []
    for number, protein in enumerate(proteins):
        for start, end, first, last in cut_interval(len(protein.sequence), longest):
            labels = NOT_SCORED * (first - start) + protein.labels[first:last] + NOT_SCORED * (end - last)
            windows.append(TrainingWindow(number, protein.sequence[start:end], labels))
    return windows


def cut_interval(length: int, longest: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (start, end, first scored, end of the scored) of each window, 0-based half-open.

    All windows have the same length. If `length` is at most `longest`, there is a single window.
    """
    shared = min(CONTEXT, longest // 2)
    number_of_windows = 1 if length <= longest else -(-(length - shared) // (longest - shared))
    size = -(-(length + (number_of_windows - 1) * shared) // number_of_windows)
    starts = [min(number * (size - shared), length - size) for number in range(number_of_windows)]
    borders = [0, *((before + size + after) // 2 for before, after in itertools.pairwise(starts)), length]
    for start, (first, last) in zip(starts, itertools.pairwise(borders), strict=True):
        yield start, start + size, first, last
