"""Write the hyperparameters that SageMaker's Python SDK v2 derives from a `distribution`, as a golden file.

Run it with the Python of .venv-sdk2 (`make sdk2`):

    .venv-sdk2/bin/python tests/contract/sdk2_distribution.py > tests/contract/golden/sdk2_distribution.json

It imports nothing of this project. The estimator is Hugging Face's, because Seqdrop uses Hugging Face images, or
PyTorch's for SMP v2, which only PyTorch images support. Nothing is sent to AWS: the image is given, so that neither
estimator looks it up, and only hyperparameters() is called.
"""

from __future__ import annotations

import json
import logging
import sys
from unittest.mock import MagicMock

V1 = {
    "partitions": 2,
    "microbatches": 4,
    "pipeline": "interleaved",
    "optimize": "speed",
    "placement_strategy": "spread",
    "tensor_parallel_degree": 4,
    "ddp": True,
}
MPI = {"enabled": True, "processes_per_host": 8, "custom_mpi_options": ""}
V2 = {"hybrid_shard_degree": 4, "sm_activation_offloading": True, "tensor_parallel_degree": 2, "random_seed": 7}
TORCHRUN = {"torch_distributed": {"enabled": True}}


def v1(parameters: dict, mpi: dict | None = None) -> dict:
    return {"smdistributed": {"modelparallel": {"enabled": True, "parameters": parameters}}, "mpi": mpi or MPI}


def v2(parameters: dict) -> dict:
    return TORCHRUN | {"smdistributed": {"modelparallel": {"enabled": True, "parameters": parameters}}}


# name: (estimator, instance type, distribution)
CASES = {
    "the chapter's dict": ("HuggingFace", "ml.p4d.24xlarge", v1(V1)),
    "v1, partitions alone": ("HuggingFace", "ml.p3.16xlarge", v1({"partitions": 2})),
    "v1, optimizer state sharded, activations offloaded": (
        "HuggingFace",
        "ml.p4d.24xlarge",
        v1(
            {
                "pipeline_parallel_degree": 1,
                "ddp": True,
                "shard_optimizer_state": True,
                "offload_activations": True,
                "activation_loading_horizon": 4,
                "microbatches": 2,
                "active_microbatches": 2,
                "bf16": True,
            }
        ),
    ),
    "v1, partitioned by hand": (
        "HuggingFace",
        "ml.g5.48xlarge",
        v1({"partitions": 4, "auto_partition": False, "default_partition": 0, "memory_weight": 0.3, "ddp": True}),
    ),
    "v1, options for MPI": (
        "HuggingFace",
        "ml.p4d.24xlarge",
        v1(
            {"partitions": 8},
            {
                "enabled": True,
                "processes_per_host": 8,
                "custom_mpi_options": "--mca btl_vader_single_copy_mechanism none",
            },
        ),
    ),
    "v1, MPI counts the GPUs": ("HuggingFace", "ml.p4d.24xlarge", v1({"partitions": 2}, {"enabled": True})),
    "v1, not enabled": (
        "HuggingFace",
        "ml.p4d.24xlarge",
        {"smdistributed": {"modelparallel": {"enabled": False, "parameters": V1}}, "mpi": MPI},
    ),
    "v1 on p5": ("HuggingFace", "ml.p5.48xlarge", v1(V1)),
    "v1, letters for a placement": ("HuggingFace", "ml.p4d.24xlarge", v1(V1 | {"placement_strategy": "DPT"})),
    "v1, a partition that is not there": (
        "HuggingFace",
        "ml.p4d.24xlarge",
        v1({"partitions": 2, "auto_partition": False, "default_partition": 2}),
    ),
    "v1, no default partition": ("HuggingFace", "ml.p4d.24xlarge", v1({"partitions": 2, "auto_partition": False})),
    "v1, horovod and ddp": ("HuggingFace", "ml.p4d.24xlarge", v1({"partitions": 2, "horovod": True, "ddp": True})),
    "v1, memory above all": ("HuggingFace", "ml.p4d.24xlarge", v1({"partitions": 2, "memory_weight": 1.5})),
    "v1, no partitions": ("HuggingFace", "ml.p4d.24xlarge", v1({"partitions": 0})),
    "v1, a pipeline unknown": ("HuggingFace", "ml.p4d.24xlarge", v1({"partitions": 2, "pipeline": "both"})),
    "v2": ("PyTorch", "ml.p4d.24xlarge", v2(V2)),
    "v2 on p5": ("PyTorch", "ml.p5.48xlarge", v2({"hybrid_shard_degree": 0, "context_parallel_degree": 2})),
    "v2, nothing set": ("PyTorch", "ml.g5.48xlarge", v2({})),
    "torchrun": ("HuggingFace", "ml.g5.12xlarge", TORCHRUN),
    "torchrun, as PyTorch has it": ("PyTorch", "ml.g5.12xlarge", TORCHRUN),
    "ddp": ("HuggingFace", "ml.p4d.24xlarge", {"pytorchddp": {"enabled": True}}),
    "data parallel library": ("HuggingFace", "ml.p4d.24xlarge", {"smdistributed": {"dataparallel": {"enabled": True}}}),
    "data parallel library, options for MPI": (
        "HuggingFace",
        "ml.p4d.24xlarge",
        {"smdistributed": {"dataparallel": {"enabled": True, "custom_mpi_options": "-verbose"}}},
    ),
    "both libraries": (
        "HuggingFace",
        "ml.p4d.24xlarge",
        {"smdistributed": {"dataparallel": {"enabled": True}, "modelparallel": {"enabled": True, "parameters": V1}}},
    ),
}


def hyperparameters(estimator: str, instance: str, distribution: dict) -> dict:
    """Return {"hyperparameters": …} as the SDK would send them, or {"error": …}."""
    from sagemaker.huggingface import HuggingFace
    from sagemaker.pytorch import PyTorch

    session = MagicMock(boto_region_name="us-east-1", local_mode=False)
    session.resolve_value_from_config.side_effect = lambda direct_input=None, default_value=None, **_: (
        default_value if direct_input is None else direct_input
    )
    session.sagemaker_config = {}
    session.default_bucket_prefix = None
    options = {
        "entry_point": "train.py",
        "role": "arn:aws:iam::111122223333:role/training",
        "instance_count": 1,
        "instance_type": instance,
        "image_uri": "111122223333.dkr.ecr.us-east-1.amazonaws.com/training:latest",
        "sagemaker_session": session,
        "distribution": distribution,
    }
    versions = {"py_version": "py310"} if estimator == "HuggingFace" else {}
    try:
        configured = {"HuggingFace": HuggingFace, "PyTorch": PyTorch}[estimator](**options, **versions)
        return {"hyperparameters": configured.hyperparameters()}
    except ValueError as error:
        return {"error": " ".join(str(error).split())}


def main() -> None:
    """Write the golden file to standard output."""
    logging.disable(logging.WARNING)
    from sagemaker import __version__

    cases = {
        name: {"estimator": estimator, "instance": instance, "distribution": distribution}
        | hyperparameters(estimator, instance, distribution)
        for name, (estimator, instance, distribution) in CASES.items()
    }
    json.dump({"sdk": __version__, "cases": cases}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
