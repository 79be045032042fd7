"""Plain requests in real time: `{"inputs": "MKVLAT"}`, or a list of sequences, with a response that needs no decoding.

Each input gets one entry, in order:

* structure: ``{"labels": "CCHHHE", "scores": [0.91, ...]}``, the likeliest class of each residue and its probability.
* embed:     ``{"embedding": [0.12, ...]}``.
* ``{"error": {"code": ..., "message": ...}}`` for an input that cannot be predicted.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from common.plain_inputs import EXPECTED, read_inputs
from protein_items import UNIT
from protein_windows import predict_lines

if TYPE_CHECKING:
    from protein_windows import ProteinWindowSettings, Task


def predict_plain(body: bytes, task: Task, settings: ProteinWindowSettings) -> list[dict[str, Any]] | dict[str, Any]:
    """Return an entry for each input; a single error if the body has no inputs.

    White space in a sequence is ignored, so residues may be separated by spaces as ProtBERT's tokenizer wants them.
    """
    inputs = read_inputs(body)
    if inputs is None:
        return {"error": {"code": "not_inputs", "message": EXPECTED}}
    lines = [_write_item(number, text) for number, text in enumerate(inputs, start=1)]
    return [_read_line(json.loads(line)) for line in predict_lines(lines, task, settings)]


def _write_item(number: int, text: object) -> bytes:
    """Return the work item of an input. One that is no text becomes an item that is reported as invalid."""
    sequence = "".join(text.split()) if isinstance(text, str) else None
    item = {"id": str(number), "record": str(number), "alphabet": "protein", "sequence": sequence}
    return json.dumps(item).encode()


def _read_line(prediction: dict[str, Any]) -> dict[str, Any]:
    """Return the entry for a prediction line (protein_prediction.schema.json)."""
    if "error" in prediction:
        return {"error": prediction["error"]}
    if "embedding" in prediction:
        return {"embedding": _decode(prediction["embedding"], "<f4").tolist()}
    shares = _decode(prediction["probabilities"], "<u2").reshape(-1, len(prediction["classes"]))
    return {"labels": prediction["labels"], "scores": (shares.max(axis=1) / UNIT).tolist()}


def _decode(text: str, dtype: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype)
