"""Names of each task's files, and the columns of its Parquet table (docs/results.md)."""

from __future__ import annotations

import json
from pathlib import Path

from seqdrop.config.kind_settings import ModelUse
from seqdrop.results.tables import Column

NAMES = {"promoter": "predictions", "structure": "predictions", "masked": "fills", "embed": "embeddings"}
PLACE = [("record", "text", None), ("start", "whole", None), ("end", "whole", None)]
SCORE = [
    ("strand", "text", None),
    ("probability", "number", None),
    ("calibrated", "number", None),
    ("call", "truth", None),
]
TROUBLE = [("item", "text", None), ("error", "error", None)]


def columns(use: ModelUse, made_by: dict, lines: Path) -> list[Column]:
    """The columns of the table of a task; those that every row shares hold their value."""
    told = {
        "promoter": [*SCORE, ("label", "text", use.label)],
        "masked": [("rank", "whole", None), ("bases", "text", None), ("probability", "number", None)],
        "embed": [("strand", "text", None), ("embedding", width(lines), None)],
    }
    left = [("not_scored", "text", None), ("count", "whole", None if getattr(use, "collapse", False) else 1)]
    model = [("model", "text", made_by["model"]["name"]), ("model_sha256", "text", made_by["model"]["sha256"])]
    windows = [("window", "whole", use.window), ("stride", "whole", use.stride)]
    return [*PLACE, *told[use.task], *left, *model, *windows, *TROUBLE]


def width(lines: Path) -> int:
    """How many numbers an embedding has; 1 where there is none."""
    with lines.open() as file:
        return next((len(row["embedding"]) for row in map(json.loads, file) if "embedding" in row), 1)
