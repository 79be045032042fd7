"""The model of this world: what it says of a work item follows from the item and the model's archive alone."""

from __future__ import annotations

import hashlib
import json

POISON = "poison"  # a record of this name kills the container, each time


class CrashError(Exception):
    """The container died."""


def predict(shard: bytes, archive: str) -> bytes:
    """An output object: a line for each work item (model_code/prediction.schema.json). Raises CrashError."""
    return b"".join(_answer(json.loads(line), archive) for line in shard.splitlines())


def _answer(item: dict, archive: str) -> bytes:
    if item["record"] == POISON:
        raise CrashError
    said = hashlib.sha256(f"{archive} {item['record']} {item['start']} {item['sequence']}".encode()).digest()[0]
    if "masks" in item:
        filled = [_fill(start, end, said) for start, end in item["masks"]]
        return json.dumps({"id": item["id"], "record": item["record"], "masks": filled}).encode() + b"\n"
    window = {"start": item["start"], "end": item["start"] + 30, "strand": "+", "probability": said / 255}
    return json.dumps({"id": item["id"], "record": item["record"], "windows": [window]}).encode() + b"\n"


def _fill(start: int, end: int, said: int) -> dict:
    """The one candidate for the bases from start to end."""
    return {"start": start, "end": end, "candidates": [{"bases": "A" * (end - start), "probability": said / 255}]}
