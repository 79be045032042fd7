"""The body of a plain request in real time: `{"inputs": text}`, or `{"inputs": [text, ...]}`."""

from __future__ import annotations

import json
from typing import Any

EXPECTED = 'expected {"inputs": text} or {"inputs": [text, ...]} and no other properties'


def read_inputs(body: bytes) -> list[Any] | None:
    """Return the inputs of a request, or None if the body is not of the expected shape."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or set(fields) != {"inputs"}:
        return None
    inputs = fields["inputs"]
    if isinstance(inputs, str):
        return [inputs]
    return inputs if isinstance(inputs, list) else None
