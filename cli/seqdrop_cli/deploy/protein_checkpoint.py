"""The check of a protein model's folder, which model_code/protein wrote, before it becomes an archive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.config.kind import PROTEIN, Kind
from seqdrop.kinds.plans import KINDS

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.deploy.weights import SAFETENSORS, Shapes, read_shapes

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = {"ss3": "HEC", "ss8": "GHIBESTC"}


@dataclass(frozen=True)
class ProteinCheckpoint:
    """The content of a checked folder: the key `seqdrop` of its config.json, and the number of its tensors.

    `window` is the largest number of residues in one input of the model.
    """

    model: str
    task: str
    classes: str
    window: int
    tensors: int

    def describe(self) -> str:
        """Return the model, its classes and its window as a line for people."""
        return f"{self.model}, {self.task}: classes {self.classes}, windows of up to {self.window} residues"


def is_protein(folder: Path) -> bool:
    """Return True if config.json says that model_code/protein wrote the folder.

    Return False for a broken config.json; `read_checkpoint` then reports its error.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and "seqdrop" in config


def read_protein(folder: Path) -> ProteinCheckpoint:
    """Read the checkpoint of a folder for which `is_protein` is True. Raise UnsuitableModelError."""
    facts = json.loads((folder / "config.json").read_text("utf-8"))["seqdrop"]
    try:
        checkpoint = ProteinCheckpoint(
            model=str(facts["model"]),
            task=str(facts["task"]),
            classes=str(facts["classes"]),
            window=int(facts["window"]),
            tensors=len(_read_tensors(folder)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnsuitableModelError(
            f"config.json does not describe the model: its key seqdrop lacks {error}, or has a wrong value"
        ) from error
    if not checkpoint.classes or sorted(CLASSES.get(checkpoint.task, "")) != sorted(checkpoint.classes):
        raise UnsuitableModelError(
            f"config.json has classes {checkpoint.classes} for task {checkpoint.task}, which has other classes"
        )
    return checkpoint


def _read_tensors(folder: Path) -> Shapes:
    if not (folder / SAFETENSORS).is_file():
        raise UnsuitableModelError(f"{folder} has no {SAFETENSORS}, so it has no weights")
    return read_shapes((folder / SAFETENSORS).read_bytes())


def find_protein_kind(task: str | None) -> Kind:
    """Return the kind of a task for a protein model; None is the default task. Raise UnsuitableModelError."""
    kind = KINDS.with_task(task, PROTEIN)
    if kind is None:
        tasks = ", ".join(KINDS.of_alphabet(PROTEIN))
        raise UnsuitableModelError(f"--task {task} is for DNA, but this is a model of proteins; its tasks are {tasks}")
    return kind
