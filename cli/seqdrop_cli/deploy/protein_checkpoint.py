"""A protein model's folder, as model_code/protein writes it, checked before it becomes an archive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqdrop.config.kind import PROTEIN, Kind
from seqdrop.kinds.plans import KINDS

from seqdrop_cli.deploy.vocabulary import UnsuitableModelError
from seqdrop_cli.deploy.weights import SAFE, shapes

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = {"ss3": "HEC", "ss8": "GHIBESTC"}


@dataclass(frozen=True)
class ProteinCheckpoint:
    """What a sound folder holds: the key `seqdrop` of its config.json, and its weights."""

    model: str
    task: str
    classes: str
    window: int
    tensors: int

    def about(self) -> str:
        return f"{self.model}, {self.task}: classes {self.classes}, up to {self.window} residues at once"


def is_protein(folder: Path) -> bool:
    """Whether a folder is one of model_code/protein: its config.json says so."""
    path = folder / "config.json"
    try:
        return "seqdrop" in json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False  # what is wrong with it, reading it as another model will tell


def read_protein(folder: Path) -> ProteinCheckpoint:
    """The checkpoint of a folder that `is_protein`. Raises UnsuitableModelError."""
    told = json.loads((folder / "config.json").read_text("utf-8"))["seqdrop"]
    try:
        found = ProteinCheckpoint(
            str(told["model"]), str(told["task"]), str(told["classes"]), int(told["window"]), len(_tensors(folder))
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnsuitableModelError(
            f"config.json does not say what the model is: its key seqdrop lacks {error}"
        ) from error
    if sorted(CLASSES.get(found.task, "")) != sorted(found.classes) or not found.classes:
        raise UnsuitableModelError(
            f"config.json has classes {found.classes} for task {found.task}, which are not its own"
        )
    return found


def _tensors(folder: Path) -> dict:
    if not (folder / SAFE).is_file():
        raise UnsuitableModelError(f"{folder} has no {SAFE}, so it has no weights")
    return shapes((folder / SAFE).read_bytes())


def kind_of_proteins(task: str | None) -> Kind:
    """Return the kind of a task for a protein model; the default one where none is named.

    Raises UnsuitableModelError.
    """
    kind = KINDS.with_task(task, PROTEIN)
    if kind is None:
        tasks = ", ".join(KINDS.of_alphabet(PROTEIN))
        raise UnsuitableModelError(f"--task {task} is for models of DNA; this one is of proteins: {tasks}")
    return kind
