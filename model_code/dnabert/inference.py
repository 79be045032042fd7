"""DNABERT in the Hugging Face inference container: the four functions that its toolkit calls.

SEQDROP_TASK selects what the model predicts:

* ``promoter`` (the default): the probability of the model's positive label, for each window.
* ``masked``: the likeliest bases of each masked interval (an item's masks, or its runs of N).
* ``embed``: an embedding of each window.

Two content types are served:

* ``application/jsonlines``: work items of a batch transform job. The sequences are cut into windows here, as configured
  by SEQDROP_WINDOW, SEQDROP_STRIDE, SEQDROP_STRANDS, SEQDROP_MAX_N_FRACTION and SEQDROP_SHORT. The response has one
  prediction line for each line of the request.
* ``application/json``: ``{"inputs": "CTAATC TAATCT ..."}``, k-mers separated by spaces (or a list of such strings). The
  response is that of the text-classification pipeline. Only for the promoter task.

SEQDROP_PRECISION is auto, fp32, bf16 or int8; see network.py. SEQDROP_THREADS is a number, or "all" for every core. If
it is not set, PyTorch decides; under multi-model-server that means one thread, because the server sets OMP_NUM_THREADS
to 1.

Errors in the data are reported in the response. Errors in the job (its settings, its model, an unsupported content
type) raise an exception. This folder is copied into model.tar.gz as code/.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

# The container may only append this folder to sys.path. common/ is in the folder, or beside it in the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import kmer_text
import masked
import scoring
from classifier import Classifier, load_classifier
from common.json_lines import split_lines
from common.media_types import JSON, JSON_LINES, accepts, as_bytes, parse_media_type
from common.processors import set_threads, suit_threads
from embedder import load_embedder
from filler import Filler, load_filler
from windows import WindowSettings

if TYPE_CHECKING:
    from network import Network

LOADERS = {"promoter": load_classifier, "masked": load_filler, "embed": load_embedder}


class Payload(NamedTuple):
    """A request (bytes) or a response (lines, or a JSON value), and its content type."""

    kind: str
    content: Any


def model_fn(model_dir: str, context: object | None = None) -> Network:
    """Load the model of `model_dir` for the job's task, on this worker's GPU if there is one.

    Raise ValueError for an unknown task, an invalid setting or an invalid folder.
    """
    task = os.environ.get("SEQDROP_TASK", "promoter")
    if task not in LOADERS:
        raise ValueError(f"SEQDROP_TASK is {task!r}; it must be one of {', '.join(LOADERS)}")
    set_threads(os.environ)
    network = LOADERS[task](model_dir, context)
    suit_threads(os.environ, network.layer_weights)
    return network


def input_fn(input_data: bytes | str, content_type: str) -> Payload:
    """Return the request. Raise ValueError for an unsupported content type. Parameters (a charset) are ignored."""
    kind = parse_media_type(content_type)
    if kind not in (JSON_LINES, JSON):
        raise ValueError(f"content type {content_type!r} is not served; send {JSON_LINES} or {JSON}")
    return Payload(kind, as_bytes(input_data))


def predict_fn(data: Payload, model: Network) -> Payload:
    """Return the prediction lines in the order of the work items, or the pipeline's response to k-mers.

    Raise ValueError for k-mers if the task is not promoter, and for window settings that the model does not support.
    """
    if data.kind == JSON:
        if not isinstance(model, Classifier):
            raise ValueError(f"content type {JSON} is for the promoter task; send {JSON_LINES}")
        return Payload(JSON, kmer_text.classify(data.content, model))
    settings = WindowSettings.from_environment(os.environ)
    task = masked if isinstance(model, Filler) else scoring
    return Payload(JSON_LINES, task.predict_lines(split_lines(data.content), model, settings))


def output_fn(prediction: Payload, accept: str | None = None) -> str:
    """Return the text of the response, in the content type of the request. Raise ValueError for any other type.

    `accept` is application/json if the client named no type. N lines are joined by N - 1 newlines; a transform job that
    assembles by line adds the last one.
    """
    if not accepts(accept, JSON_LINES, JSON):
        raise ValueError(f"the response is {prediction.kind}, not {accept!r}")
    return "\n".join(prediction.content) if prediction.kind == JSON_LINES else json.dumps(prediction.content)
