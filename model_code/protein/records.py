"""The normalised training data: train.jsonl, validation.jsonl and test.jsonl, a protein a line.

A line is {"id", "sequence", "labels"}, as training_record.schema.json has it. No error tells a sequence.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.json_lines import read_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SPLITS = ("train", "validation", "test")
NOT_SCORED = "-"
CONTEXT = 32
"""Residues that a piece of a long protein shares with the next one, half of them scored in either."""


@dataclass(frozen=True)
class Protein:
    id: str
    sequence: str
    labels: str
    """A letter a residue: its class, or NOT_SCORED."""


@dataclass(frozen=True)
class Piece:
    """What a model sees at once: a protein, or a stretch of a long one."""

    protein: int
    """Its place among the proteins."""
    sequence: str
    labels: str


def read(path: Path, classes: str) -> list[Protein]:
    """All proteins of a file. ValueError names the file and the line."""
    found = [_protein(place, *texts, classes) for place, texts in read_texts(path, "id", "sequence", "labels")]
    if not found:
        raise ValueError(f"{path.name} holds no protein")
    return found


def _protein(place: str, id: str, sequence: str, labels: str, classes: str) -> Protein:
    if not sequence or len(sequence) != len(labels):
        raise ValueError(f"{place}: {len(sequence)} residues and {len(labels)} labels")
    if odd := set(labels) - {*classes, NOT_SCORED}:
        raise ValueError(f"{place}: labels {' '.join(sorted(odd))} are none of {classes}{NOT_SCORED}")
    return Protein(id, sequence, labels)


def read_splits(folder: Path, classes: str) -> dict[str, list[Protein]]:
    """Split to its proteins. ValueError where a file is missing or unfit."""
    missing = [f"{split}.jsonl" for split in SPLITS if not (folder / f"{split}.jsonl").is_file()]
    if missing:
        raise ValueError(f"the data channel lacks {', '.join(missing)}")
    return {split: read(folder / f"{split}.jsonl", classes) for split in SPLITS}


def digest(folder: Path) -> str:
    """SHA-256 of the files in the order of SPLITS: which data a model was trained on."""
    found = hashlib.sha256()
    for split in SPLITS:
        found.update(hashlib.sha256((folder / f"{split}.jsonl").read_bytes()).digest())
    return found.hexdigest()


def counts(proteins: Sequence[Protein]) -> dict:
    """What a card tells of a split."""
    labels = Counter("".join(protein.labels for protein in proteins))
    hidden = labels.pop(NOT_SCORED, 0)
    residues = hidden + labels.total()
    return {
        "proteins": len(proteins),
        "residues": residues,
        "scored": labels.total(),
        "classes": dict(sorted(labels.items())),
    }


def pieces(proteins: Sequence[Protein], longest: int) -> list[Piece]:
    """All proteins, those over `longest` residues cut; each residue is scored in exactly one piece."""
    found = []
    for number, protein in enumerate(proteins):
        for start, end, first, last in cuts(len(protein.sequence), longest):
            labels = NOT_SCORED * (first - start) + protein.labels[first:last] + NOT_SCORED * (end - last)
            found.append(Piece(number, protein.sequence[start:end], labels))
    return found


def cuts(length: int, longest: int) -> Iterator[tuple[int, int, int, int]]:
    """(start, end, first scored, behind the last scored) of each piece, evenly long; one where `longest` allows it."""
    shared = min(CONTEXT, longest // 2)
    count = 1 if length <= longest else -(-(length - shared) // (longest - shared))
    size = -(-(length + (count - 1) * shared) // count)
    starts = [min(number * (size - shared), length - size) for number in range(count)]
    borders = [0, *((before + size + after) // 2 for before, after in itertools.pairwise(starts)), length]
    for start, (first, last) in zip(starts, itertools.pairwise(borders), strict=True):
        yield start, start + size, first, last
