"""gc: the share of G and C in each window. A whole kind of analysis; test_toy_kind.py adds it to a copy of the tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.kinds.windows import WindowKind, WindowSettings
from seqdrop.results.rows import Counts, window_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from seqdrop.results.tables import Column
    from seqdrop.results.writer import Predictions


@dataclass(frozen=True, kw_only=True)
class Settings(WindowSettings):
    """Settings of a gc analysis."""


class Gc(WindowKind):
    """GC content of windows."""

    name = task = "gc"
    settings = Settings
    table = "gc"
    answer_bytes = 60

    def row_maker(self, predictions: Predictions, counts: Counts) -> Callable[[dict, dict], Iterator[dict]]:
        return lambda answer, shared: window_rows(answer, shared, counts, "gc")

    def columns(self, settings: Settings, table: Path) -> list[Column]:
        return [("strand", "text", None), ("gc", "number", None)]
