"""Protein models in the Hugging Face inference container: the four functions that its toolkit looks for.

What the model is asked is the job's SEQDROP_TASK:

* ``structure`` (the default): the probability of each class of secondary structure at each residue.
* ``embed``: an embedding of each protein.

One content type, ``application/jsonlines``: work items of a batch transform job (protein_item.schema.json), each
answered by one line (protein_prediction.schema.json). A protein longer than what the model takes is cut into windows
here, which overlap by SEQDROP_OVERLAP residues (see stitching.py); SEQDROP_WINDOW makes them shorter than the model's
own. SEQDROP_THREADS is a number, or "all" for every core.

What is wrong with the data is an answer; what is wrong with the job (its settings, its model, another content type) is
an exception. This folder travels as code/ in model.tar.gz.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

# The container may only append this folder. common/ lies in it, or beside it where this is the repository.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import networks
from common.json_lines import split_lines
from common.media_types import JSON, JSON_LINES, accepts, as_bytes, parse_media_type
from common.processors import device_of, set_threads
from protein_windows import Cutting, Task, answer_lines
from tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Mapping

OVERLAP = 128
"""Residues; beyond what the convolutional seed sees on either side together."""


class Asked(NamedTuple):
    """A model made ready for its task."""

    task: Task
    cutting: Cutting


def model_fn(model_dir: str, context=None) -> Asked:
    """The model in `model_dir`, on the GPU of this worker if there is one. Raises for one that answers nonsense."""
    name = os.environ.get("SEQDROP_TASK", "structure")
    if name not in TASKS:
        raise ValueError(f"SEQDROP_TASK is {name!r}; a protein model does {', '.join(TASKS)}")
    set_threads(os.environ)
    model = networks.load(Path(model_dir), device_of(context))
    return Asked(TASKS[name](model), cutting_of(os.environ, model.longest))


def cutting_of(environment: Mapping[str, str], longest: int) -> Cutting:
    """As the job says; a window that the model cannot take whole is a mistake in the job, not in its data."""
    window, overlap = _number(environment, "SEQDROP_WINDOW", longest), _number(environment, "SEQDROP_OVERLAP", OVERLAP)
    if not 1 <= window <= longest:
        raise ValueError(f"SEQDROP_WINDOW is {window}; this model takes 1 to {longest}")
    return Cutting(window, overlap)


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, "") or str(otherwise)
    if not text.isdecimal():
        raise ValueError(f"{name} is {text!r}; it must be a whole number")
    return int(text)


def input_fn(input_data: bytes | str, content_type: str) -> bytes:
    """The request; its content type may carry parameters such as a charset."""
    if parse_media_type(content_type) != JSON_LINES:
        raise ValueError(f"content type {content_type!r} is not served; send {JSON_LINES}")
    return as_bytes(input_data)


def predict_fn(data: bytes, model: Asked) -> list[str]:
    """Prediction lines in the order of the work items."""
    return answer_lines(split_lines(data), model.task, model.cutting)


def output_fn(prediction: list[str], accept: str | None = None) -> str:
    """N lines joined by N - 1 newlines; a transform job that assembles by line adds the last one."""
    if not accepts(accept, JSON_LINES, JSON):
        raise ValueError(f"answers come as {JSON_LINES}, not as {accept!r}")
    return "\n".join(prediction)
