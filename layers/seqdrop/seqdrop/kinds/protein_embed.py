"""protein_embed: a vector of numbers for each protein, by the encoder of a protein model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.kinds.proteins import ProteinKind, ProteinSettings
from seqdrop.results.proteins import Embedded, ModelOutput, ProteinItem, ProteinLine, read_embedding
from seqdrop.results.tables import write_embeddings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seqdrop.results.provenance import Provenance


@dataclass(frozen=True, kw_only=True)
class Settings(ProteinSettings):
    """Settings of a protein_embed analysis."""


class ProteinEmbed(ProteinKind):
    """Embeddings of proteins."""

    name = "protein_embed"
    task = "embed"
    settings = Settings
    table = "embeddings"
    result_bytes = 40  # for each residue: a vector of a thousand numbers for a protein

    def read(self, line: ProteinLine, item: ProteinItem) -> Embedded:
        """Return the embedding of one protein."""
        return read_embedding(line, item)

    def write_files(self, folder: Path, outputs: Iterable[ModelOutput], provenance: Provenance) -> None:
        """Write embeddings.jsonl and embeddings.parquet."""
        write_embeddings(folder, outputs, provenance)
