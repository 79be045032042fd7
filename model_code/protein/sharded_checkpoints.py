"""Checkpoints of a run on disk: the trained weights and the optimizer's state, sealed (common/seals.py) when complete.

On a single host each process writes its own part. With several hosts the first process writes everything, because each
host has its own disk.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from common.seals import find_sealed, remove_older, write_seal
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

STATE, WHOLE = "state", "state.pt"


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
        write_seal(folder, run)
    dist.barrier()


def find_latest(folder: Path, run: str) -> Path | None:
    """Return the newest complete checkpoint of the run among `<name>-<step>`, or None.

    The first process's choice applies to all. Every process must call it.
    """
    newest = find_sealed(folder, run)
    names = [newest.name if newest else None]
    dist.broadcast_object_list(names)
    return None if names[0] is None else folder / names[0]


def prune(folder: Path, keep: int) -> None:
    """Remove all but the `keep` newest checkpoints. Call it only when the newest one is sealed."""
    if dist.get_rank() == 0:
        remove_older(folder, keep)
