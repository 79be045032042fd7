"""Hyperparameters with which SageMaker's training toolkit starts the processes.

They are the same as those of SageMaker's SDK v2; contract tests compare them. The SDK encodes each value as JSON, and
the toolkit decodes it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.training.distribution.profiles import Table

TORCHRUN = "sagemaker_torch_distributed_enabled"
PYTORCH_DDP = "sagemaker_pytorch_ddp_enabled"
INSTANCE = "sagemaker_instance_type"
DATA_PARALLEL = "sagemaker_distributed_dataparallel_enabled"
DATA_PARALLEL_MPI = "sagemaker_distributed_dataparallel_custom_mpi_options"


def torchrun(instance: str = "") -> dict[str, str]:
    """Return the hyperparameters that make the toolkit start one process per GPU with torchrun."""
    return encode({TORCHRUN: True} | ({INSTANCE: instance} if instance else {}))


def sdk_hyperparameters(table: Table, instance: str) -> dict[str, str]:
    """Return the hyperparameters that SDK v2 makes from a `distribution` table.

    It is the table of the Hugging Face estimator or, for SMP v2, of the PyTorch estimator.
    """
    if _is_enabled(table, "pytorchddp"):
        return encode({PYTORCH_DDP: True, INSTANCE: instance})
    if not _is_enabled(table, "torch_distributed"):
        return encode(_library_values(table, instance))
    libraries = _library_values(table, instance) if "smdistributed" in table else {}
    return encode(libraries | {TORCHRUN: True, INSTANCE: instance})


def encode(values: Mapping[str, Any]) -> dict[str, str]:
    """Return hyperparameters with their values as JSON."""
    return {name: json.dumps(value) for name, value in values.items()}


def _library_values(table: Table, instance: str) -> dict[str, Any]:
    values = _mpi_values(table["mpi"]) if "mpi" in table else {}
    if "smdistributed" not in table:
        return values
    model = table["smdistributed"].get("modelparallel", {})
    if model.get("enabled") is True and model.get("parameters"):
        values["mp_parameters"] = model["parameters"]
    data = table["smdistributed"].get("dataparallel", {})
    values |= {DATA_PARALLEL: data.get("enabled", False), INSTANCE: instance}
    if data.get("enabled"):
        values[DATA_PARALLEL_MPI] = data.get("custom_mpi_options", "")
    return values


def _mpi_values(mpi: Table) -> dict[str, Any]:
    values: dict[str, Any] = {"sagemaker_mpi_enabled": mpi.get("enabled", False)}
    if mpi.get("processes_per_host"):
        values["sagemaker_mpi_num_of_processes_per_host"] = mpi["processes_per_host"]
    return values | {"sagemaker_mpi_custom_mpi_options": mpi.get("custom_mpi_options", "")}


def _is_enabled(table: Table, name: str) -> bool:
    return bool(table.get(name, {}).get("enabled", False))
