"""Where a model runs: the GPU that the model server gave this worker, or as many cores as SEQDROP_THREADS allows."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping


def device_of(context=None) -> str:
    """Return the device of this worker: "cuda:<number>" as the model server's `context` has it, "cpu" without GPUs."""
    if not torch.cuda.is_available():
        return "cpu"
    gpu = getattr(context, "system_properties", {}).get("gpu_id")
    return f"cuda:{gpu or 0}"


def set_threads(environment: Mapping[str, str]) -> None:
    """Apply SEQDROP_THREADS: a number, or "all" for every core. Without it nothing is changed.

    multi-model-server sets OMP_NUM_THREADS to 1 before the model's code is imported, so on a CPU a worker that is
    alone on its instance would leave all cores but one idle. Raise ValueError for any other text.
    """
    wanted = environment.get("SEQDROP_THREADS", "")
    if not wanted:
        return
    if wanted != "all" and not (wanted.isdecimal() and int(wanted)):
        raise ValueError(f'SEQDROP_THREADS is {wanted!r}; it must be a number from 1, or "all"')
    torch.set_num_threads(cores() if wanted == "all" else int(wanted))


def cores() -> int:
    """Count the cores that this process may use. Two hardware threads of one core share its matrix units: one core."""
    usable = os.sched_getaffinity(0)
    places = [Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list") for number in usable]
    try:
        return len({place.read_text() for place in places})
    except OSError:
        return len(usable)
