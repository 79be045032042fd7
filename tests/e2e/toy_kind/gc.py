"""The kind gc: the share of G and C in each window. test_toy_kind.py adds it to a copy of the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.kinds.windows import WindowKind, WindowSettings
from seqdrop.results.rows import Counts, OutputLine, Row, RowMaker, Shared, window_rows
from seqdrop.results.tables import Column

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seqdrop.config.kind import AnalysisSettings
    from seqdrop.results.writer import Predictions


@dataclass(frozen=True, kw_only=True)
class Settings(WindowSettings):
    """Settings of a gc analysis."""


class Gc(WindowKind):
    """GC content of windows."""

    name = task = "gc"
    settings = Settings
    table = "gc"
    prediction_bytes = 60

    def row_maker(self, _predictions: Predictions, counts: Counts) -> RowMaker:
        """Return a function from an output line to a row for each window."""

        def make_rows(output: OutputLine, shared: Shared) -> Iterator[Row]:
            return window_rows(output, shared, counts, "gc")

        return make_rows

    def columns(self, _analysis: AnalysisSettings, _table: Path) -> list[Column]:
        """Return the columns strand and gc."""
        return [Column("strand", "text"), Column("gc", "number")]
