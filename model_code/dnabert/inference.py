"""DNABERT in the Hugging Face inference container: the four functions that its toolkit looks for.

What the model is asked is the job's SEQDROP_TASK:

* ``promoter`` (the default): each window's probability of the model's positive label.
* ``masked``: the likeliest bases of each masked stretch (an item's masks, or its runs of N).
* ``embed``: each window's embedding.

Two content types:

* ``application/jsonlines``: work items of a batch transform job. Windows are cut here, as SEQDROP_WINDOW,
  SEQDROP_STRIDE, SEQDROP_STRANDS, SEQDROP_MAX_N_FRACTION and SEQDROP_SHORT say; each line has one prediction line in
  answer.
* ``application/json``: ``{"inputs": "CTAATC TAATCT ..."}``, k-mers set apart by spaces (or a list of such
  strings), answered as the text-classification pipeline does. For the promoter task only.

SEQDROP_PRECISION is auto, fp32, bf16 or int8; see network.py. SEQDROP_THREADS is a number, or "all" for every core;
without it PyTorch decides, which under multi-model-server means one thread (it sets OMP_NUM_THREADS to 1).

What is wrong with the data is an answer; what is wrong with the job (its settings, its model, a content type
that is neither of these) is an exception. This folder travels as code/ in model.tar.gz.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

# The container may only append this folder. common/ lies in it, or beside it where this is the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import kmer_text
import masked
import scoring
from classifier import Classifier, load_classifier
from common.json_lines import split_lines
from common.media_types import JSON, JSON_LINES, accepts, as_bytes, parse_media_type
from common.processors import set_threads
from embedder import load_embedder
from filler import Filler, load_filler
from windows import WindowSettings

if TYPE_CHECKING:
    from network import Network

LOADERS = {"promoter": load_classifier, "masked": load_filler, "embed": load_embedder}


class Payload(NamedTuple):
    """A request not yet parsed (bytes) or its answer (lines, or a JSON value), and its content type."""

    kind: str
    content: Any


def model_fn(model_dir: str, context=None) -> Network:
    """The model in `model_dir`, made ready for the job's task, on the GPU of this worker if there is one."""
    task = os.environ.get("SEQDROP_TASK", "promoter")
    if task not in LOADERS:
        raise ValueError(f"SEQDROP_TASK is {task!r}; it must be one of {', '.join(LOADERS)}")
    set_threads(os.environ)
    return LOADERS[task](model_dir, context)


def input_fn(input_data: bytes | str, content_type: str) -> Payload:
    """The request; its content type may carry parameters such as a charset."""
    kind = parse_media_type(content_type)
    if kind not in (JSON_LINES, JSON):
        raise ValueError(f"content type {content_type!r} is not served; send {JSON_LINES} or {JSON}")
    return Payload(kind, as_bytes(input_data))


def predict_fn(data: Payload, model: Network) -> Payload:
    """Prediction lines in the order of the work items; or what the pipeline would say of the k-mers."""
    if data.kind == JSON:
        if not isinstance(model, Classifier):
            raise ValueError(f"content type {JSON} is for the promoter task; send {JSON_LINES}")
        return Payload(JSON, kmer_text.answer(data.content, model))
    settings = WindowSettings.from_environment(os.environ)
    task = masked if isinstance(model, Filler) else scoring
    return Payload(JSON_LINES, task.answer_lines(split_lines(data.content), model, settings))


def output_fn(prediction: Payload, accept: str | None = None) -> str:
    """The response's text, in the shape of the request; `accept` says JSON whenever the client said nothing.

    N lines are joined by N - 1 newlines; a transform job that assembles by line adds the last one.
    """
    if not accepts(accept, JSON_LINES, JSON):
        raise ValueError(f"answers come as {prediction.kind}, not as {accept!r}")
    return "\n".join(prediction.content) if prediction.kind == JSON_LINES else json.dumps(prediction.content)
