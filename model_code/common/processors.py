"""The processor of a model: the GPU that the model server assigned to the worker, or CPU cores (SEQDROP_THREADS)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

FEW_WEIGHTS = 5_000_000  # seed models have 0.4 million in their layers, DNABERT 85 million; none between was measured


def find_device(context: object | None = None) -> str:
    """Return the device of this worker: "cuda:<number>", or "cpu" on a machine without a GPU.

    The model server passes the number of the GPU in `context.system_properties["gpu_id"]`; the default is 0.
    """
    if not torch.cuda.is_available():
        return "cpu"
    gpu = getattr(context, "system_properties", {}).get("gpu_id")
    return f"cuda:{gpu or 0}"


def set_threads(environment: Mapping[str, str]) -> None:
    """Apply SEQDROP_THREADS: a number from 1, or "all" for every core. Change nothing if it is not set.

    multi-model-server sets OMP_NUM_THREADS to 1 before it imports the model's code. A single worker on a CPU instance
    would therefore use one core only. Raise ValueError for any other text.
    """
    threads = environment.get("SEQDROP_THREADS", "")
    if not threads:
        return
    if threads != "all" and not (threads.isdecimal() and int(threads)):
        raise ValueError(f'SEQDROP_THREADS is {threads!r}; it must be a number from 1, or "all"')
    torch.set_num_threads(count_cores() if threads == "all" else int(threads))


def suit_threads(environment: Mapping[str, str], weights: int) -> None:
    """Compute a model with few weights in its layers by one thread, if SEQDROP_SMALL_BY_ONE_THREAD is "true".

    One window of such a model is computed sooner than two threads have waited for each other (benchmarks/endpoint.py).
    """
    if environment.get("SEQDROP_SMALL_BY_ONE_THREAD") == "true" and weights < FEW_WEIGHTS:
        torch.set_num_threads(1)


def count_cores() -> int:
    """Return the number of physical cores that this process may use.

    The hardware threads of a core share its matrix units, so they count as one core.
    """
    cpus = os.sched_getaffinity(0)
    paths = [Path(f"/sys/devices/system/cpu/cpu{number}/topology/thread_siblings_list") for number in cpus]
    try:
        return len({path.read_text() for path in paths})
    except OSError:
        return len(cpus)
