"""A data set of made-up proteins with structure, from a seed: residues that helices, strands and coils are fond of.

A small network learns them in seconds. They are no proteins, and what it says of true ones carries no claim.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

FOND = {"H": "AAELLKMQRE", "E": "VVIIYFWTVC", "C": "GGPPNDSSGN"}
LENGTHS = {"H": (6, 16), "E": (4, 9), "C": (3, 9)}
ANY = "ACDEFGHIKLMNPQRSTVWY"
STRAY = 0.15  # of residues that are any
SPLITS = {"train": 96, "validation": 16, "test": 16}


@dataclass(frozen=True)
class Protein:
    name: str
    split: str
    sequence: str
    labels: str
    mask: str


def make_proteins(source: random.Random, splits: dict[str, int] = SPLITS) -> list[Protein]:
    """So many for each split; the ends of each are masked, as if they were not resolved."""
    return [_protein(source, f"{split}-{number}", split) for split, count in splits.items() for number in range(count)]


def encode_data_set(found: list[Protein], job: str) -> dict[str, bytes]:
    """FLIP's three files and a job.toml."""
    held = dict.fromkeys(("sequences.fasta", "sampled.fasta", "mask.fasta"), "")
    for one in found:
        told = f"SET={'test' if one.split == 'test' else 'train'} VALIDATION={one.split == 'validation'}"
        held["sequences.fasta"] += f">{one.name}\n{one.sequence}\n"
        held["sampled.fasta"] += f">{one.name} {told}\n{one.labels}\n"
        held["mask.fasta"] += f">{one.name}\n{one.mask}\n"
    return {name: text.encode() for name, text in held.items()} | {"job.toml": job.encode()}


def encode_fasta(found: list[Protein]) -> bytes:
    """Their sequences alone."""
    return "".join(f">{one.name}\n{one.sequence}\n" for one in found).encode()


def _protein(source: random.Random, name: str, split: str) -> Protein:
    labels = ""
    while len(labels) < source.randint(60, 110):
        kind = source.choice("HEC")
        labels += kind * source.randint(*LENGTHS[kind])
    sequence = "".join(source.choice(ANY if source.random() < STRAY else FOND[one]) for one in labels)
    ends = source.randint(0, 4)
    return Protein(name, split, sequence, labels, "0" * ends + "1" * (len(labels) - ends))
