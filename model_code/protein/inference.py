"""Protein models in the Hugging Face inference container: the four functions that its toolkit calls.

SEQDROP_TASK selects what the model predicts:

* ``structure`` (the default): the probability of each class of secondary structure at each residue.
* ``embed``: an embedding of each protein.

Two content types are served:

* ``application/jsonlines``: work items of a batch transform job (protein_item.schema.json). The response has one line
  for each of them (protein_prediction.schema.json).
* ``application/json``: ``{"inputs": "MKVLAT"}``, or a list of sequences, for requests in real time; see
  plain_requests.py.

A protein longer than the model's window is
cut into windows here, which overlap by SEQDROP_OVERLAP residues (see stitching.py). SEQDROP_WINDOW sets a shorter
window than the model's own. SEQDROP_THREADS is a number, or "all" for every core.

Errors in the data are reported in the response. Errors in the job (its settings, its model, another content type) raise
an exception. This folder is copied into model.tar.gz as code/.
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

import networks
from common.json_lines import split_lines
from common.media_types import JSON, JSON_LINES, accepts, as_bytes, parse_media_type
from common.processors import find_device, set_threads
from plain_requests import predict_plain
from protein_windows import ProteinWindowSettings, Task, predict_lines
from tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

OVERLAP = 128
"""Default overlap in residues; more than the 40 residues on each side that the convolutional seed sees."""


class Payload(NamedTuple):
    """A request (bytes) or a response (lines, or a JSON value), and its content type."""

    kind: str
    content: Any


class LoadedTask(NamedTuple):
    """A model that is loaded for its task, and the job's window settings."""

    task: Task
    windows: ProteinWindowSettings


def model_fn(model_dir: str, context: object | None = None) -> LoadedTask:
    """Load the model of `model_dir` for the job's task, on this worker's GPU if there is one.

    Raise ValueError for an unknown task, an invalid setting, an invalid folder or a model with invalid predictions.
    """
    name = os.environ.get("SEQDROP_TASK", "structure")
    if name not in TASKS:
        raise ValueError(f"SEQDROP_TASK is {name!r}; the tasks of a protein model are {', '.join(TASKS)}")
    set_threads(os.environ)
    model = networks.load(Path(model_dir), find_device(context))
    return LoadedTask(TASKS[name](model), read_window_settings(os.environ, model.longest))


def read_window_settings(environment: Mapping[str, str], longest: int) -> ProteinWindowSettings:
    """Return the job's window settings; the default window is `longest`, the model's own.

    Raise ValueError for a window that the model cannot take: that is an error in the job, not in its data.
    """
    window = _read_number(environment, "SEQDROP_WINDOW", longest)
    overlap = _read_number(environment, "SEQDROP_OVERLAP", OVERLAP)
    if not 1 <= window <= longest:
        raise ValueError(f"SEQDROP_WINDOW is {window}; this model takes 1 to {longest}")
    return ProteinWindowSettings(window, overlap)


def _read_number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, "") or str(default)
    if not text.isdecimal():
        raise ValueError(f"{name} is {text!r}; it must be a whole number")
    return int(text)


def input_fn(input_data: bytes | str, content_type: str) -> Payload:
    """Return the request. Raise ValueError for an unsupported content type. Parameters (a charset) are ignored."""
    kind = parse_media_type(content_type)
    if kind not in (JSON_LINES, JSON):
        raise ValueError(f"content type {content_type!r} is not served; send {JSON_LINES} or {JSON}")
    return Payload(kind, as_bytes(input_data))


def predict_fn(data: Payload, model: LoadedTask) -> Payload:
    """Return the prediction lines in the order of the work items, or the entries of a plain request."""
    if data.kind == JSON:
        return Payload(JSON, predict_plain(data.content, model.task, model.windows))
    return Payload(JSON_LINES, predict_lines(split_lines(data.content), model.task, model.windows))


def output_fn(prediction: Payload, accept: str | None = None) -> str:
    """Return the text of the response, in the content type of the request. Raise ValueError for any other type.

    N lines are joined by N - 1 newlines; a transform job that assembles by line adds the last one.
    """
    if not accepts(accept, JSON_LINES, JSON):
        raise ValueError(f"the response is {prediction.kind}, not {accept!r}")
    return "\n".join(prediction.content) if prediction.kind == JSON_LINES else json.dumps(prediction.content)
