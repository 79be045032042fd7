"""The model of the fake AWS: its prediction for a work item depends only on the item and the model's archive."""

from __future__ import annotations

import hashlib
import json

POISON = "poison"  # a record of this name kills the container, each time


class CrashError(Exception):
    """The container died."""


def predict(shard: bytes, archive: str) -> bytes:
    """Return an output, a line per work item (model_code/prediction.schema.json). Raise CrashError for POISON."""
    return b"".join(_predict_item(json.loads(line), archive) for line in shard.splitlines())


def _predict_item(item: dict, archive: str) -> bytes:
    if item["record"] == POISON:
        raise CrashError
    score = hashlib.sha256(f"{archive} {item['record']} {item['start']} {item['sequence']}".encode()).digest()[0]
    if "masks" in item:
        filled = [_fill(start, end, score) for start, end in item["masks"]]
        return json.dumps({"id": item["id"], "record": item["record"], "masks": filled}).encode() + b"\n"
    window = {"start": item["start"], "end": item["start"] + 30, "strand": "+", "probability": score / 255}
    return json.dumps({"id": item["id"], "record": item["record"], "windows": [window]}).encode() + b"\n"


def _fill(start: int, end: int, score: int) -> dict:
    """Return the entry of a masked interval, with one candidate."""
    return {"start": start, "end": end, "candidates": [{"bases": "A" * (end - start), "probability": score / 255}]}
