"""embed: a vector of numbers for each window, by the encoder of a DNABERT model, for clustering and the like.

Rows: record, start, end, strand, embedding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.kinds.windows import MAX_ANSWER, SampledSettings, WindowKind
from seqdrop.results.rows import Counts, window_rows
from seqdrop.results.tables import Column, width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seqdrop.config.analyses import Analysis
    from seqdrop.results.writer import Predictions


@dataclass(frozen=True, kw_only=True)
class Settings(SampledSettings):
    """Settings of an embed analysis."""


class Embed(WindowKind):
    """Embeddings of windows."""

    name = task = "embed"
    settings = Settings
    table = "embeddings"
    answer_bytes = 7_500

    def conflicts(self, analysis: Analysis) -> Iterator[str]:
        yield from super().conflicts(analysis)
        settings, megabytes = analysis.settings, analysis.job.max_payload_mb
        if megabytes * 1_000_000 / settings.stride * len(settings.strands) * self.answer_bytes > MAX_ANSWER:
            yield (
                f"stride is {settings.stride}; embeddings of a request of job.max_payload_mb ({megabytes}) are too "
                "many; take a longer stride"
            )

    def row_maker(self, predictions: Predictions, counts: Counts) -> Callable[[dict, dict], Iterator[dict]]:
        return lambda answer, shared: window_rows(answer, shared, counts, "embedding")

    def columns(self, settings: Settings, table: Path) -> list[Column]:
        return [("strand", "text", None), ("embedding", width(table), None)]
