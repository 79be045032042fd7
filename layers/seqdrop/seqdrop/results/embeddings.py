"""Files of the task `embed` on proteins: a row for each protein, as JSON Lines and Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from seqdrop.results.columns import TROUBLE, width
from seqdrop.results.proteins import Embedded, Failure
from seqdrop.results.tables import parquet

LINES, TABLE = "embeddings.jsonl", "embeddings.parquet"


def write_embeddings(folder: Path, found: Iterable[Embedded | Failure], made_by: dict) -> None:
    """Write both files; memory does not grow with the number of proteins."""
    with (folder / LINES).open("w") as file:
        for one in found:
            file.write(json.dumps(as_line(one), separators=(",", ":")) + "\n")
    model = [("model", "text", made_by["model"]["name"]), ("model_sha256", "text", made_by["model"]["sha256"])]
    told = [("record", "text", None), ("length", "whole", None), ("embedding", width(folder / LINES), None)]
    parquet(folder / LINES, [*told, *model, *TROUBLE], made_by, folder / TABLE)


def as_line(one: Embedded | Failure) -> dict:
    if isinstance(one, Failure):
        return {"record": one.record, "item": one.item, "error": one.error}
    numbers = [float(f"{value:.6g}") for value in one.embedding.tolist()]
    return {"record": one.record, "length": one.length, "embedding": numbers}
