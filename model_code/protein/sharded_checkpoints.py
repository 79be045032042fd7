"""States of a run on disk: what is trained and the optimizer's, each process its part, sealed when all of it is there.

On one host each process writes its part. Of several hosts the first process writes all: each has a disk of its own.

SageMaker copies /opt/ml/checkpoints to S3 as files change, and a spot instance may end at any byte. A folder counts
only if its seal names the same run and every file has the size that the seal tells.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from typing import TYPE_CHECKING

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


def run_name(*what) -> str:
    """Digest of what makes two runs the same, so that one can go on where the other ended."""
    return hashlib.sha256(json.dumps(what, sort_keys=True, default=str).encode()).hexdigest()


def many_hosts() -> bool:
    """Whether no folder is in reach of all processes."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", dist.get_world_size())) < dist.get_world_size()


def options(**more) -> StateDictOptions:
    """Only what is trained: the rest comes from the pre-trained weights each time. Whole at the first process where
    there are several hosts, otherwise each process's own part."""
    whole = many_hosts()
    return StateDictOptions(ignore_frozen_params=True, full_state_dict=whole, cpu_offload=whole, **more)


def state_of(model: StructureModel, optimizer: torch.optim.Optimizer | None) -> dict:
    found = {"model": get_model_state_dict(model, options=options())}
    if optimizer is not None:
        found["optimizer"] = get_optimizer_state_dict(model, optimizer, options=options())
    return found


def write(folder: Path, model: StructureModel, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Every process must call it."""
    state = state_of(model, optimizer)
    if dist.get_rank() == 0:
        shutil.rmtree(folder, ignore_errors=True)  # what an earlier run left of this step
        folder.mkdir(parents=True, exist_ok=True)
    dist.barrier()
    if not many_hosts():
        dcp.save(state, checkpoint_id=folder / STATE)
    elif dist.get_rank() == 0:
        torch.save(state, folder / WHOLE)


def read(folder: Path, model: StructureModel, optimizer: torch.optim.Optimizer | None = None) -> None:
    """Into the model, and the optimizer if one is given. Every process must call it."""
    state = {"model": {}, "optimizer": {}}
    if not many_hosts():
        state = state_of(model, optimizer)
        dcp.load(state, checkpoint_id=folder / STATE)
    elif dist.get_rank() == 0:
        state = torch.load(folder / WHOLE, weights_only=True)
    told = {"broadcast_from_rank0": many_hosts()}
    set_model_state_dict(model, state["model"], options=options(strict=False, **told))
    if optimizer is not None:
        set_optimizer_state_dict(model, optimizer, state["optimizer"], options=options(**told))


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
    """The newest whole state of the run among `<name>-<step>`: what the first process finds. Every process calls it."""
    found = [next((path.name for path in reversed(steps(folder)) if is_sealed(path, run)), None)]
    dist.broadcast_object_list(found)
    return None if found[0] is None else folder / found[0]


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
