"""Made-up proteins whose residues determine the structure, and the folders that train.py reads."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PREFERRED = {"H": "AELMKQR", "E": "VIYFTW", "C": "GPNSDHC"}


def proteins(count: int, seed: int = 1, longest: int = 40) -> list[dict]:
    """Return proteins of runs of 3 to 9 residues of one class; one residue in twenty is not scored."""
    generator = random.Random(seed)
    return [_protein(generator, f"p{number}", generator.randint(longest // 2, longest)) for number in range(count)]


def _protein(generator: random.Random, name: str, length: int) -> dict:
    labels = ""
    while len(labels) < length:
        labels += generator.choice("HEC") * generator.randint(3, 9)
    labels = labels[:length]
    sequence = "".join(generator.choice(PREFERRED[label]) for label in labels)
    hidden = "".join("-" if generator.random() < 0.05 else label for label in labels)
    return {"id": name, "sequence": sequence, "labels": hidden}


def write(folder: Path, records: list[dict], same: bool = False) -> Path:
    """Write the three files. `same` writes all proteins to each; else validation and test get an eighth each."""
    folder.mkdir(parents=True, exist_ok=True)
    eighth = len(records) // 8
    splits = {"train": records[2 * eighth :], "validation": records[:eighth], "test": records[eighth : 2 * eighth]}
    for split, part in splits.items():
        lines = [json.dumps(record) + "\n" for record in (records if same else part)]
        (folder / f"{split}.jsonl").write_text("".join(lines))
    return folder
