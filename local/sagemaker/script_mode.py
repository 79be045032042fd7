"""The command line and environment of a training script, as SageMaker's training toolkit derives them from a job.

Source: https://github.com/aws/sagemaker-training-toolkit, environment.py (values that are JSON are decoded),
mapping.py (sorted `--name value`, SM_HP_*) and the torchrun runner.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from local.sagemaker.environment import make_base_environment

if TYPE_CHECKING:
    from pathlib import Path

    from local.sagemaker.job_records import TrainingJob

TOOLKIT_PREFIX = "sagemaker_"
PROCESSES = "SEQDROP_PROCESSES"
DEFAULT_PROCESSES = 2  # the toolkit counts GPUs, and there are none here


def read_toolkit_setting(hyperparameters: dict[str, str], name: str, default: object = None) -> object:
    """Return a setting of the toolkit itself.

    The SDK writes text as JSON, with quotes; the toolkit accepts text with and without quotes.
    """
    return _decode(hyperparameters[name]) if name in hyperparameters else default


def script_settings(hyperparameters: dict[str, str]) -> dict[str, object]:
    """Return the script's own hyperparameters as the toolkit decodes them: "true" is True and "2" is 2."""
    return {name: _decode(text) for name, text in hyperparameters.items() if not name.startswith(TOOLKIT_PREFIX)}


def script_arguments(hyperparameters: dict[str, str]) -> list[str]:
    """Return sorted arguments `--name value`; booleans are written as in Python, True and False."""
    words = []
    for name, value in sorted(script_settings(hyperparameters).items()):
        words += [f"--{name}" if len(name) > 1 else f"-{name}", _encode(value)]
    return words


def script_command(job: TrainingJob, script: Path) -> list[str]:
    """Return the command for a single process, or for torchrun if the job asks for torch's distribution."""
    hyperparameters = job.request["HyperParameters"]
    words = [str(script), *script_arguments(hyperparameters)]
    if read_toolkit_setting(hyperparameters, "sagemaker_torch_distributed_enabled") is not True:
        return [sys.executable, "-u", *words]
    count = job.request.get("Environment", {}).get(PROCESSES, str(DEFAULT_PROCESSES))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    return [*torchrun, "--nnodes", "1", "--nproc_per_node", count, *words]


def script_environment(job: TrainingJob, scratch: Path, ml: Path) -> dict[str, str]:
    """Return the variables of the toolkit, overridden by those of the job; `ml` is the local path of /opt/ml."""
    return (
        make_base_environment(scratch)
        | _path_variables(job, ml)
        | _job_variables(job, ml)
        | job.request.get("Environment", {})
    )


def _path_variables(job: TrainingJob, ml: Path) -> dict[str, str]:
    channels = sorted(channel["ChannelName"] for channel in job.request.get("InputDataConfig", []))
    paths = {
        "SM_MODEL_DIR": ml / "model",
        "SM_OUTPUT_DIR": ml / "output",
        "SM_OUTPUT_DATA_DIR": ml / "output/data",
        "SM_OUTPUT_INTERMEDIATE_DIR": ml / "output/intermediate",
        "SM_INPUT_DIR": ml / "input",
        "SM_INPUT_CONFIG_DIR": ml / "input/config",
        "SM_MODULE_DIR": ml / "code",
        # There is no container with the scratch folder as its root; a script that runs here reads this variable.
        "SEQDROP_CHECKPOINTS": ml / "checkpoints",
        **{f"SM_CHANNEL_{name.upper()}": ml / "input/data" / name for name in channels},
    }
    return {name: str(path) for name, path in paths.items()} | {"SM_CHANNELS": json.dumps(channels)}


def _job_variables(job: TrainingJob, ml: Path) -> dict[str, str]:
    hyperparameters = job.request.get("HyperParameters", {})
    own = script_settings(hyperparameters)
    cores, program = str(os.cpu_count()), read_toolkit_setting(hyperparameters, "sagemaker_program")
    return {
        **{f"SM_HP_{name.upper()}": _encode(value) for name, value in own.items()},
        "SM_HPS": json.dumps(own, sort_keys=True),
        "SM_USER_ARGS": json.dumps(script_arguments(hyperparameters)),
        "SM_USER_ENTRY_POINT": program,
        "SM_MODULE_NAME": program.removesuffix(".py"),
        "SM_CURRENT_HOST": "algo-1",
        "SM_HOSTS": '["algo-1"]',
        "SM_NETWORK_INTERFACE_NAME": "lo",
        "SM_CURRENT_INSTANCE_TYPE": job.request["ResourceConfig"]["InstanceType"],
        "SM_NUM_GPUS": "0",
        "SM_NUM_CPUS": cores,
        "SM_LOG_LEVEL": str(read_toolkit_setting(hyperparameters, "sagemaker_container_log_level", 20)),
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
        "AWS_REGION": job.region,
        "PYTHONPATH": str(ml / "code"),
        "GLOO_SOCKET_IFNAME": "lo",
    }


def _decode(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _encode(value: object) -> str:
    return "" if value is None else str(value)
