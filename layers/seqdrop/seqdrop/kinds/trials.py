"""Made-up sequences on which a new model archive is tried, and the check of its predictions."""

from __future__ import annotations

import hashlib
import json
import math


def make_sequence(alphabet: str, length: int, number: int) -> str:
    """Return a pseudo-random sequence of an alphabet; the same number gives the same sequence."""
    noise = hashlib.shake_128(number.to_bytes(4, "big")).digest(length)
    return "".join(alphabet[byte % len(alphabet)] for byte in noise)


def window_item(number: int, bases: list[str]) -> bytes:
    """Return a work item of one window."""
    item = {"id": f"smoke:{number}:0", "record": "smoke", "start": 0, "sequence": "".join(bases)}
    return json.dumps(item).encode()


def find_fault(lines: list[bytes], task: str, count: int) -> str:
    """Return the fault of the predictions for `count` different windows, for people; "" if they are sound."""
    predictions = [_prediction_of(line) for line in lines]
    if len(predictions) != count or not all(map(_is_sound, predictions)):
        first = lines[0] if lines else b""
        return f"returned output that is not a {task} prediction: {first[:200]!r}"
    if len({json.dumps(prediction) for prediction in predictions}) == 1:
        return (
            "returns the same prediction for every sequence: its training failed, or its tokens are not those of "
            "vocab.txt"
        )
    return ""


def _prediction_of(line: bytes) -> list[object]:
    """Return the prediction for the only window or interval of an output line; an empty list if there is none."""
    try:
        output = json.loads(line)
        (place,) = output.get("windows") or output.get("masks") or [{}]
        return [place[name] for name in ("probability", "embedding", "candidates") if name in place]
    except (ValueError, TypeError, AttributeError):
        return []


def _is_sound(prediction: list[object]) -> bool:
    return bool(prediction) and all(math.isfinite(value) for value in _numbers(prediction))


def _numbers(value: object) -> list[float]:
    if isinstance(value, list):
        return [number for part in value for number in _numbers(part)]
    if isinstance(value, dict):
        return _numbers(list(value.values()))
    return [value] if isinstance(value, int | float) else []
