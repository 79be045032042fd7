"""structure: the secondary structure of proteins, H, E or C at each residue, and DSSP's 8 states for some models.

Files: structure.parquet (a row for each residue), predictions.jsonl, 3-line FASTA, and PSIPRED's .ss2 in a tar archive.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.kinds.proteins import ProteinKind, ProteinSettings
from seqdrop.results.proteins import ModelOutput, Protein, ProteinCounts, ProteinItem, ProteinLine, read_structure
from seqdrop.results.structure import write_structures

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seqdrop.results.provenance import Provenance
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
    result_bytes = 20  # for each residue, with the probabilities of three states

    def read(self, line: ProteinLine, item: ProteinItem) -> Protein:
        """Return the structure of one protein."""
        return read_structure(line, item)

    def write_files(self, folder: Path, outputs: Iterable[ModelOutput], provenance: Provenance) -> None:
        """Write the table, JSON Lines, 3-line FASTA and .ss2 files."""
        write_structures(folder, outputs, provenance)

    def summarize(self, _predictions: Predictions, results: Results) -> dict[str, object]:
        """Return the composition of states and their mean probability."""
        counts = results.counts
        return {"structure": counts.structure()} if isinstance(counts, ProteinCounts) else {}
