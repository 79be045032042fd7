"""A training script's command line and environment, as SageMaker's training toolkit makes them of a job.

https://github.com/aws/sagemaker-training-toolkit: environment.py (values are read as JSON where they are JSON),
mapping.py (sorted `--name value`, SM_HP_*) and the torchrun of its runners.
"""

import json
import os
import sys
from pathlib import Path

from local.sagemaker.environment import process
from local.sagemaker.registry import TrainingJob

OF_TOOLKIT = "sagemaker_"
PROCESSES = "SEQDROP_PROCESSES"
DEFAULT_PROCESSES = 2  # the toolkit counts GPUs, of which there are none here


def toolkit_setting(told: dict[str, str], name: str, default=None):
    """A setting of the toolkit itself. The SDK writes texts as JSON, with quotes; it reads them with or without."""
    return _value(told[name]) if name in told else default


def settings(told: dict[str, str]) -> dict:
    """The script's own hyperparameters: "true" is True and "2" is 2, as the toolkit reads them."""
    return {name: _value(text) for name, text in told.items() if not name.startswith(OF_TOOLKIT)}


def arguments(told: dict[str, str]) -> list[str]:
    """`--name value`, sorted; a truth is written as Python writes it, True."""
    found = settings(told)
    return [
        word for name in sorted(found) for word in (f"--{name}" if len(name) > 1 else f"-{name}", _text(found[name]))
    ]


def command(job: TrainingJob, script: Path) -> list[str]:
    """One process, or torchrun where the job asks for torch's distribution."""
    told = job.request["HyperParameters"]
    words = [str(script), *arguments(told)]
    if toolkit_setting(told, "sagemaker_torch_distributed_enabled") is not True:
        return [sys.executable, "-u", *words]
    count = job.request.get("Environment", {}).get(PROCESSES, str(DEFAULT_PROCESSES))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*torchrun, "--nnodes", "1", "--nproc_per_node", count, *words]


def environment(job: TrainingJob, scratch: Path, ml: Path) -> dict[str, str]:
    """What the toolkit sets, then the job's own; `ml` is where /opt/ml lies here."""
    return process(scratch) | _of_places(job, ml) | _of_job(job, ml) | job.request.get("Environment", {})


def _of_places(job: TrainingJob, ml: Path) -> dict[str, str]:
    channels = sorted(one["ChannelName"] for one in job.request.get("InputDataConfig", []))
    places = {
        "SM_MODEL_DIR": ml / "model",
        "SM_OUTPUT_DIR": ml / "output",
        "SM_OUTPUT_DATA_DIR": ml / "output/data",
        "SM_OUTPUT_INTERMEDIATE_DIR": ml / "output/intermediate",
        "SM_INPUT_DIR": ml / "input",
        "SM_INPUT_CONFIG_DIR": ml / "input/config",
        "SM_MODULE_DIR": ml / "code",
        # There is no container whose root could be the scratch folder; a script that is to run here looks for this.
        "SEQDROP_CHECKPOINTS": ml / "checkpoints",
        **{f"SM_CHANNEL_{name.upper()}": ml / "input/data" / name for name in channels},
    }
    return {name: str(place) for name, place in places.items()} | {"SM_CHANNELS": json.dumps(channels)}


def _of_job(job: TrainingJob, ml: Path) -> dict[str, str]:
    told = job.request.get("HyperParameters", {})
    own = settings(told)
    cores, program = str(os.cpu_count()), toolkit_setting(told, "sagemaker_program")
    return {
        **{f"SM_HP_{name.upper()}": _text(value) for name, value in own.items()},
        "SM_HPS": json.dumps(own, sort_keys=True),
        "SM_USER_ARGS": json.dumps(arguments(told)),
        "SM_USER_ENTRY_POINT": program,
        "SM_MODULE_NAME": program.removesuffix(".py"),
        "SM_CURRENT_HOST": "algo-1",
        "SM_HOSTS": '["algo-1"]',
        "SM_NETWORK_INTERFACE_NAME": "lo",
        "SM_CURRENT_INSTANCE_TYPE": job.request["ResourceConfig"]["InstanceType"],
        "SM_NUM_GPUS": "0",
        "SM_NUM_CPUS": cores,
        "SM_LOG_LEVEL": str(toolkit_setting(told, "sagemaker_container_log_level", 20)),
        "TRAINING_JOB_NAME": job.name,
        "TRAINING_JOB_ARN": job.arn,
        "AWS_REGION": job.region,
        "PYTHONPATH": str(ml / "code"),
        "GLOO_SOCKET_IFNAME": "lo",
    }


def _value(text: str):
    try:
        return json.loads(text)
    except ValueError:
        return text


def _text(value) -> str:
    return "" if value is None else str(value)
