"""States of a run on disk: what is trained and the optimizer's, each process its part, sealed when all of it is there.

SageMaker copies /opt/ml/checkpoints to S3 as files change, and a spot instance may end at any byte. A folder counts
only if its seal names the same run and every file has the size that the seal tells.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from networks import StructureModel
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

SEAL, STATE = "sealed.json", "state"
TRAINED = StateDictOptions(ignore_frozen_params=True)
"""What is frozen comes from the pre-trained weights each time."""


def run_name(*what) -> str:
    """Digest of what makes two runs the same, so that one can go on where the other ended."""
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


def write(folder: Path, model: StructureModel, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Every process must call it."""
    dcp.save(_state(model, optimizer), checkpoint_id=folder / STATE)


def read(folder: Path, model: StructureModel, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Into the model, and the optimizer if one is given, however many processes wrote it. Every process calls it."""
    state = _state(model, optimizer)
    dcp.load(state, checkpoint_id=folder / STATE)
    loose = StateDictOptions(ignore_frozen_params=True, strict=False)
    set_model_state_dict(model, state["model"], options=loose)
    if optimizer is not None:
        set_optimizer_state_dict(model, optimizer, state["optimizer"], options=TRAINED)


def _state(model: StructureModel, optimizer: torch.optim.Optimizer | None) -> dict:
    found = {"model": get_model_state_dict(model, options=TRAINED)}
    return (
        found
        if optimizer is None
        else found | {"optimizer": get_optimizer_state_dict(model, optimizer, options=TRAINED)}
    )


def seal(folder: Path, run: str) -> None:
    """Say that all files of all processes are there. Every process must call it, once its own are."""
    dist.barrier()
    if dist.get_rank() == 0:
        sizes = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
        sizes.pop(SEAL, None)
        (folder / SEAL).write_text(json.dumps({"run": run, "sizes": sizes}))
    dist.barrier()


def is_sealed(folder: Path, run: str) -> bool:
    """Whether the folder is whole, and of that run."""
    try:
        found = json.loads((folder / SEAL).read_text())
        sizes = {name: (folder / name).stat().st_size for name in found["sizes"]}
    except (OSError, ValueError, KeyError):
        return False
    return found["run"] == run and sizes == found["sizes"]


def latest(folder: Path, run: str) -> Path | None:
    """The newest whole state of the run among `<name>-<step>`."""
    return next((path for path in reversed(steps(folder)) if is_sealed(path, run)), None)


def steps(folder: Path) -> list[Path]:
    """All `<name>-<step>` of a folder, the oldest first."""
    return sorted((path for path in folder.glob("*-*") if step(path) is not None), key=step)


def step(path: Path) -> int | None:
    """Of a checkpoint's name."""
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else None


def prune(folder: Path, keep: int) -> None:
    """Remove all but the newest. A state is removed only when a later one is sealed."""
    if dist.get_rank() == 0:
        for path in steps(folder)[:-keep]:
            shutil.rmtree(path)
