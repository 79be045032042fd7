"""The environment of a job's container, with only those variables of this machine that a process needs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.sagemaker.job_records import TransformJob
    from local.sagemaker.model_records import Model

DEFAULT_PAYLOAD_MB = 6
STRATEGIES = {"SingleRecord": "SINGLE_RECORD", "MultiRecord": "MULTI_RECORD"}


def make_environment(job: TransformJob, scratch: Path, model_dir: Path) -> dict[str, str]:
    """Return a container's variables: the job's override the model's, and those override SageMaker's."""
    requested = job.model.container.get("Environment", {}) | job.request.get("Environment", {})
    return make_base_environment(scratch) | _sagemaker(job, model_dir) | requested


def make_serving_environment(model: Model, scratch: Path, model_dir: Path) -> dict[str, str]:
    """Return the variables of an endpoint's container: the model's override SageMaker's."""
    requested = model.container.get("Environment", {})
    return make_base_environment(scratch) | _common(model.region, model_dir) | requested


def make_base_environment(scratch: Path) -> dict[str, str]:
    """Return the variables that every process needs; this interpreter's folder is the first on its path."""
    return {
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.defpath,
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Threads that spin while they wait would take the cores from other containers, functions and the server.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def _sagemaker(job: TransformJob, model_dir: Path) -> dict[str, str]:
    strategy = job.request.get("BatchStrategy", "MultiRecord")
    return _common(job.region, model_dir) | {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": STRATEGIES[strategy],
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(job.request.get("MaxPayloadInMB", DEFAULT_PAYLOAD_MB)),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(job.request.get("MaxConcurrentTransforms", 1)),
    }


def _common(region: str, model_dir: Path) -> dict[str, str]:
    return {
        "SAGEMAKER_PROGRAM": "inference.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": str(model_dir / "code"),
        "SAGEMAKER_REGION": region,
        "SM_MODEL_DIR": str(model_dir),
        "SM_NUM_GPUS": "0",
        "SM_NUM_CPUS": str(os.cpu_count()),
    }
