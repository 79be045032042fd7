"""A data set of artificial proteins with secondary structure, from a seed.

Residues are drawn from those that are frequent in helices, strands and coils. A small network learns them in seconds.
They are not real proteins, and a prediction by that network for real ones has no scientific meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

FREQUENT = {"H": "AAELLKMQRE", "E": "VVIIYFWTVC", "C": "GGPPNDSSGN"}
LENGTHS = {"H": (6, 16), "E": (4, 9), "C": (3, 9)}
ANY = "ACDEFGHIKLMNPQRSTVWY"
RANDOM_SHARE = 0.15  # of residues that are drawn from ANY
SPLITS = {"train": 96, "validation": 16, "test": 16}


@dataclass(frozen=True)
class Protein:
    """An artificial protein: residues, a label (H, E, C) and a mask digit (1: resolved) for each of them."""

    name: str
    split: str
    sequence: str
    labels: str
    mask: str


def make_proteins(source: random.Random, splits: dict[str, int] = SPLITS) -> list[Protein]:
    """Return as many proteins as `splits` says for each split; their ends are masked like unresolved residues."""
    return [_protein(source, f"{split}-{number}", split) for split, count in splits.items() for number in range(count)]


def encode_data_set(proteins: list[Protein], job: str) -> dict[str, bytes]:
    """Return the three files of a FLIP data set, and job.toml with the text `job`, by name."""
    texts = dict.fromkeys(("sequences.fasta", "sampled.fasta", "mask.fasta"), "")
    for protein in proteins:
        subset = "test" if protein.split == "test" else "train"
        fields = f"SET={subset} VALIDATION={protein.split == 'validation'}"
        texts["sequences.fasta"] += f">{protein.name}\n{protein.sequence}\n"
        texts["sampled.fasta"] += f">{protein.name} {fields}\n{protein.labels}\n"
        texts["mask.fasta"] += f">{protein.name}\n{protein.mask}\n"
    return {name: text.encode() for name, text in texts.items()} | {"job.toml": job.encode()}


def encode_fasta(proteins: list[Protein]) -> bytes:
    """Return a FASTA file of the sequences alone."""
    return "".join(f">{protein.name}\n{protein.sequence}\n" for protein in proteins).encode()


def _protein(source: random.Random, name: str, split: str) -> Protein:
    labels = ""
    while len(labels) < source.randint(60, 110):
        kind = source.choice("HEC")
        labels += kind * source.randint(*LENGTHS[kind])
    residues = (source.choice(ANY if source.random() < RANDOM_SHARE else FREQUENT[label]) for label in labels)
    sequence = "".join(residues)
    ends = source.randint(0, 4)
    return Protein(name, split, sequence, labels, "0" * ends + "1" * (len(labels) - ends))
