"""Hyperparameters by which SageMaker's training toolkit starts the processes, as SageMaker's SDK v2 makes them.

The SDK encodes each value as JSON; the toolkit decodes it. Contract tests hold these to the SDK itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TORCHRUN = "sagemaker_torch_distributed_enabled"
PYTORCH_DDP = "sagemaker_pytorch_ddp_enabled"
INSTANCE = "sagemaker_instance_type"
DATA_PARALLEL = "sagemaker_distributed_dataparallel_enabled"
DATA_PARALLEL_MPI = "sagemaker_distributed_dataparallel_custom_mpi_options"


def torchrun(instance: str = "") -> dict[str, str]:
    """One process a GPU, started by torchrun."""
    return encoded({TORCHRUN: True} | ({INSTANCE: instance} if instance else {}))


def as_the_sdk(table: Mapping, instance: str) -> dict[str, str]:
    """What SDK v2 makes of a whole `distribution`: of the Hugging Face estimator, and of PyTorch's for SMP v2."""
    if _enabled(table, "pytorchddp"):
        return encoded({PYTORCH_DDP: True, INSTANCE: instance})
    if not _enabled(table, "torch_distributed"):
        return encoded(_libraries(table, instance))
    libraries = _libraries(table, instance) if "smdistributed" in table else {}
    return encoded(libraries | {TORCHRUN: True, INSTANCE: instance})


def encoded(values: Mapping) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in values.items()}


def _libraries(table: Mapping, instance: str) -> dict:
    made = _mpi(table["mpi"]) if "mpi" in table else {}
    if "smdistributed" not in table:
        return made
    model = table["smdistributed"].get("modelparallel", {})
    if model.get("enabled") is True and model.get("parameters"):
        made["mp_parameters"] = model["parameters"]
    data = table["smdistributed"].get("dataparallel", {})
    made |= {DATA_PARALLEL: data.get("enabled", False), INSTANCE: instance}
    return made | ({DATA_PARALLEL_MPI: data.get("custom_mpi_options", "")} if data.get("enabled") else {})


def _mpi(mpi: Mapping) -> dict:
    count = {"sagemaker_mpi_num_of_processes_per_host": mpi["processes_per_host"]} if _count(mpi) else {}
    options = {"sagemaker_mpi_custom_mpi_options": mpi.get("custom_mpi_options", "")}
    return {"sagemaker_mpi_enabled": mpi.get("enabled", False)} | count | options


def _count(mpi: Mapping) -> bool:
    return bool(mpi.get("processes_per_host"))


def _enabled(table: Mapping, name: str) -> bool:
    return bool(table.get(name, {}).get("enabled", False))
