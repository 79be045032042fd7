"""protein_embed: a vector of numbers for each protein, by the encoder of a protein model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.kinds.proteins import ProteinKind, ProteinSettings
from seqdrop.results.proteins import Answer, read_embedding
from seqdrop.results.tables import write_embeddings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Settings(ProteinSettings):
    """Settings of a protein_embed analysis."""


class ProteinEmbed(ProteinKind):
    """Embeddings of proteins."""

    name = "protein_embed"
    task = "embed"
    settings = Settings
    table = "embeddings"

    def read(self, answer: dict, item: dict) -> Answer:
        return read_embedding(answer, item)

    def write_files(self, folder: Path, answers: Iterable[Answer], made_by: dict) -> None:
        write_embeddings(folder, answers, made_by)
