"""Checkpoints of a run on disk: the trained weights and the optimizer's state, sealed once all files are written.

On a single host each process writes its own part. With several hosts the first process writes everything, because each
host has its own disk.

SageMaker copies /opt/ml/checkpoints to S3 as files change, and a spot instance may stop at any byte. A folder is valid
only if its seal names the same run and every file has the size recorded in the seal.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

if TYPE_CHECKING:
    from pathlib import Path

    from networks import StructureModel

SEAL, STATE, WHOLE = "sealed.json", "state", "state.pt"


def run_name(*identity: object) -> str:
    """Return a digest of everything that must be equal for a run to resume from another run's checkpoint."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, default=str).encode()).hexdigest()


def has_many_hosts() -> bool:
    """Return True if the processes run on several hosts, which share no folder."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", dist.get_world_size())) < dist.get_world_size()


def make_options(**options: bool) -> StateDictOptions:
    """Return options for state dicts of trained parameters only; frozen ones come from the pre-trained weights.

    With several hosts the state is gathered at the first process, otherwise each process has its own part.
    """
    whole = has_many_hosts()
    return StateDictOptions(ignore_frozen_params=True, full_state_dict=whole, cpu_offload=whole, **options)


def get_state(model: StructureModel, optimizer: torch.optim.Optimizer | None) -> dict[str, Any]:
    """Return the state of the model, and of the optimizer if one is given. Every process must call it."""
    state: dict[str, Any] = {"model": get_model_state_dict(model, options=make_options())}
    if optimizer is not None:
        state["optimizer"] = get_optimizer_state_dict(model, optimizer, options=make_options())
    return state


def write(folder: Path, model: StructureModel, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Replace a folder by one that contains the state. Every process must call it."""
    state = get_state(model, optimizer)
    if dist.get_rank() == 0:
        shutil.rmtree(folder, ignore_errors=True)  # files of an earlier run at this step
        folder.mkdir(parents=True, exist_ok=True)
    dist.barrier()
    if not has_many_hosts():
        dcp.save(state, checkpoint_id=folder / STATE)
    elif dist.get_rank() == 0:
        torch.save(state, folder / WHOLE)


def read(folder: Path, model: StructureModel, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Load a folder into the model, and into the optimizer if one is given. Every process must call it."""
    state: dict[str, Any] = {"model": {}, "optimizer": {}}
    if not has_many_hosts():
        state = get_state(model, optimizer)
        dcp.load(state, checkpoint_id=folder / STATE)
    elif dist.get_rank() == 0:
        state = torch.load(folder / WHOLE, weights_only=True)
    broadcast = {"broadcast_from_rank0": has_many_hosts()}
    set_model_state_dict(model, state["model"], options=make_options(strict=False, **broadcast))
    if optimizer is not None:
        set_optimizer_state_dict(model, optimizer, state["optimizer"], options=make_options(**broadcast))


def seal(folder: Path, run: str) -> None:
    """Mark a folder as complete. Every process must call it after it has written its own files."""
    dist.barrier()
    if dist.get_rank() == 0:
        sizes = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
        sizes.pop(SEAL, None)
        (folder / SEAL).write_text(json.dumps({"run": run, "sizes": sizes}))
    dist.barrier()


def is_sealed(folder: Path, run: str) -> bool:
    """Return True if the folder is complete and belongs to that run."""
    try:
        sealed = json.loads((folder / SEAL).read_text())
        sizes = {name: (folder / name).stat().st_size for name in sealed["sizes"]}
    except (OSError, ValueError, KeyError):
        return False
    return sealed["run"] == run and sizes == sealed["sizes"]


def find_latest(folder: Path, run: str) -> Path | None:
    """Return the newest complete checkpoint of the run among `<name>-<step>`, or None.

    The first process's choice applies to all. Every process must call it.
    """
    names = [next((path.name for path in reversed(list_checkpoints(folder)) if is_sealed(path, run)), None)]
    dist.broadcast_object_list(names)
    return None if names[0] is None else folder / names[0]


def list_checkpoints(folder: Path) -> list[Path]:
    """Return all folders `<name>-<step>` in a folder, the oldest first."""
    return sorted((path for path in folder.glob("*-*") if step_of(path) is not None), key=step_of)


def step_of(path: Path) -> int | None:
    """Return the step in the name of a checkpoint's folder; None if the name does not end in a number."""
    number = path.name.rpartition("-")[2]
    return int(number) if number.isdecimal() else None


def prune(folder: Path, keep: int) -> None:
    """Remove all but the `keep` newest checkpoints. Call it only when the newest one is sealed."""
    if dist.get_rank() == 0:
        for path in list_checkpoints(folder)[:-keep]:
            shutil.rmtree(path)
