"""Requests and responses that an endpoint captured: JSON lines in the format of SageMaker's data capture.

Format: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html. A line has
`captureData` with `endpointInput` and `endpointOutput`; each has `data`, `encoding`, `mode` and `observedContentType`.

A request is `{"inputs": "CTAATC TAATCT ..."}`, k-mers that each continue the one before, or work items as JSON
Lines. A response is that of the text-classification pipeline, or prediction lines.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

JSON_LINES = "application/jsonlines"


@dataclass(frozen=True)
class Captured:
    """The sequences of one request, and the rows of its response as files of results have them."""

    sequences: list[str]
    rows: list[dict[str, Any]]


def read_capture(line: bytes | str, label: str, threshold: float | None) -> Captured:
    """Return the content of one captured line. Raise ValueError, KeyError or TypeError if it has another shape.

    `label` is the name of the positive class, whose probability is the score; `threshold` is that of calls, None
    without calls.
    """
    data = json.loads(line)["captureData"]
    request, response = _text(data["endpointInput"]), _text(data.get("endpointOutput", {"data": "[]"}))
    rows = [_as_row(row, label, threshold) for row in _rows(response)]
    return Captured(list(_sequences(request)), [row for row in rows if row])


def _text(part: Mapping[str, Any]) -> str:
    """Return the text of a request or response; data that are no text are base64."""
    data: str = part["data"]
    return base64.b64decode(data).decode() if part.get("encoding") == "BASE64" else data


def _documents(text: str) -> list[Any]:
    """Return the JSON documents of a body: one, or one in each line."""
    try:
        return [json.loads(text)]
    except ValueError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]


def _sequences(request: str) -> Iterator[str]:
    for document in _documents(request):
        if "inputs" in document:
            inputs = document["inputs"]
            yield from (join_kmers(text) for text in ([inputs] if isinstance(inputs, str) else inputs))
        elif "sequence" in document:
            yield document["sequence"]


def join_kmers(text: str) -> str:
    """Return the sequence of k-mers that are separated by spaces; a text without spaces is a sequence already."""
    words = text.split()
    return words[0] + "".join(word[-1] for word in words[1:]) if words else ""


def _rows(response: str) -> Iterator[Mapping[str, Any]]:
    """Yield the predictions of a response: windows of prediction lines, or the pipeline's labels."""
    for document in _documents(response):
        for entry in document if isinstance(document, list) else [document]:
            yield from entry.get("windows", [entry])


def _as_row(entry: Mapping[str, Any], label: str, threshold: float | None) -> dict[str, Any]:
    """Return a prediction as a row with `probability` and, if there is a threshold, `call`; {} if there is none.

    The pipeline returns the likeliest label only; that of two classes which is not the positive one has the rest.
    """
    if "score" in entry and "label" in entry:
        probability = entry["score"] if entry["label"] == label else 1 - entry["score"]
    elif "probability" in entry:
        probability = entry["probability"]
    else:
        return {}
    return {"probability": probability} | ({} if threshold is None else {"call": probability >= threshold})
