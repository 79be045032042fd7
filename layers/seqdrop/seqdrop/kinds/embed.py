"""embed: a vector of numbers for each window, by the encoder of a DNABERT model, for example for clustering.

Rows: record, start, end, strand, embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.kinds.windows import MAX_RESPONSE_BYTES, SampledSettings, WindowKind
from seqdrop.results.rows import Counts, OutputLine, Row, RowMaker, Shared, window_rows
from seqdrop.results.tables import Column, read_embedding_length

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seqdrop.config.analysis import AnalysisSettings
    from seqdrop.results.writer import Predictions


@dataclass(frozen=True, kw_only=True)
class Settings(SampledSettings):
    """Settings of an embed analysis."""


class Embed(WindowKind):
    """Embeddings of windows."""

    name = task = "embed"
    settings = Settings
    table = "embeddings"
    result_bytes = 12_400  # analyses.toml: a hundred times the space of a probability
    prediction_bytes = 7_500

    def conflicts(self, analysis: AnalysisSettings) -> Iterator[str]:
        """Yield conflicts between settings; the embeddings of a request must fit in one response."""
        yield from super().conflicts(analysis)
        settings, megabytes = analysis.settings_as(Settings), analysis.job.max_payload_mb
        if megabytes * 1_000_000 / settings.stride * len(settings.strands) * self.prediction_bytes > MAX_RESPONSE_BYTES:
            yield (
                f"stride is {settings.stride}; a request of job.max_payload_mb ({megabytes}) would have too many "
                "embeddings; use a longer stride"
            )

    def row_maker(self, _predictions: Predictions, counts: Counts) -> RowMaker:
        """Return a function from an output line to a row for each window."""

        def make_rows(output: OutputLine, shared: Shared) -> Iterator[Row]:
            return window_rows(output, shared, counts, "embedding")

        return make_rows

    def columns(self, _analysis: AnalysisSettings, table: Path) -> list[Column]:
        """Return the columns strand and embedding."""
        return [Column("strand", "text"), Column("embedding", read_embedding_length(table))]
