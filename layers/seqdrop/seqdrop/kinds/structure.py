"""structure: secondary structure of proteins, H, E or C at each residue (of some models also DSSP's 8 states).

Files: structure.parquet (a row for each residue), predictions.jsonl, 3-line FASTA, and PSIPRED's .ss2 in a tar archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.kinds.proteins import ProteinKind, ProteinSettings
from seqdrop.results.proteins import Answer, read_structure
from seqdrop.results.structure import write_structures

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seqdrop.results.writer import Predictions, Results


@dataclass(frozen=True, kw_only=True)
class Settings(ProteinSettings):
    """Settings of a structure analysis."""


class Structure(ProteinKind):
    """Secondary structure."""

    name = task = "structure"
    settings = Settings
    is_default = True
    table = "predictions"

    def read(self, answer: dict, item: dict) -> Answer:
        return read_structure(answer, item)

    def write_files(self, folder: Path, answers: Iterable[Answer], made_by: dict) -> None:
        write_structures(folder, answers, made_by)

    def summarize(self, predictions: Predictions, results: Results) -> dict:
        return {"structure": results.counts.structure()}
