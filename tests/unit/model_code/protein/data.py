"""Made-up proteins whose letters tell the structure, and the folders that train.py reads."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PREFERRED = {"H": "AELMKQR", "E": "VIYFTW", "C": "GPNSDHC"}


def proteins(count: int, seed: int = 1, longest: int = 40) -> list[dict]:
    """Runs of three to nine residues of one class; one in twenty is not scored."""
    chance = random.Random(seed)
    return [_protein(chance, f"p{number}", chance.randint(longest // 2, longest)) for number in range(count)]


def _protein(chance: random.Random, name: str, length: int) -> dict:
    labels = ""
    while len(labels) < length:
        labels += chance.choice("HEC") * chance.randint(3, 9)
    labels = labels[:length]
    sequence = "".join(chance.choice(PREFERRED[letter]) for letter in labels)
    hidden = "".join("-" if chance.random() < 0.05 else letter for letter in labels)
    return {"id": name, "sequence": sequence, "labels": hidden}


def write(folder: Path, found: list[dict], same: bool = False) -> Path:
    """The three files; `same` writes all proteins to each, otherwise an eighth is held out for each of the two."""
    folder.mkdir(parents=True, exist_ok=True)
    eighth = len(found) // 8
    splits = {"train": found[2 * eighth :], "validation": found[:eighth], "test": found[eighth : 2 * eighth]}
    for split, some in splits.items():
        lines = [json.dumps(one) + "\n" for one in (found if same else some)]
        (folder / f"{split}.jsonl").write_text("".join(lines))
    return folder
