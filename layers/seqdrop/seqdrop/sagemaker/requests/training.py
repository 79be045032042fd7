"""The request for one training job."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from seqdrop.aws import keys
from seqdrop.config.analysis import TRAINING
from seqdrop.models.code_bundles import SOURCE, TRAINING_ENTRY, Program
from seqdrop.sagemaker.limits import check_training
from seqdrop.sagemaker.tags import cost_tags
from seqdrop.training.jobfile import DNABERT

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.literals import TrainingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import (
        ChannelTypeDef,
        CreateTrainingJobRequestTypeDef,
        ResourceConfigTypeDef,
        StoppingConditionTypeDef,
    )

    from seqdrop.config.settings import Settings
    from seqdrop.training.plan.search import Plan
    from seqdrop.training.plan.sizing import Sizing
    from seqdrop.training.request import Order

CODE = f"/opt/ml/input/data/code/{SOURCE}"
CHECKPOINTS = "/opt/ml/checkpoints"
PROCESSES = "SEQDROP_PROCESSES"  # processes per host, if job.toml sets it; otherwise containers count their GPUs
VOLUME_GB = 100  # for the weights, their copies in checkpoints, and the image
# Instances with local disks, which are always encrypted and take no key: families with a "d" (p4d, m5d), and others.
OWN_DISKS = re.compile(r"ml\.([a-z]+\d[a-z]*d[a-z]*|g5|g6e?|gr6|p5e?n?|p6.*|trn\d.*|i\d.*)\.")
FIGURE = r"([-+0-9.eE]+|nan)"
# Lines that train.py prints become metrics in CloudWatch and in the description of the finished job.
METRICS = {
    "progress:loss": rf"progress .*\bloss={FIGURE}",
    "progress:tokens_per_second": rf"progress .*\btokens_per_second={FIGURE}",
    "validation:loss": rf"validation .*\bloss={FIGURE}",
    "validation:q3": rf"validation .*\bq3={FIGURE}",
    "validation:q8": rf"validation .*\bq8={FIGURE}",
    "test:q3": rf"test .*\bq3={FIGURE}",
    "test:q8": rf"test .*\bq8={FIGURE}",
    "dnabert:loss": rf"step=\d+/\d+ (?:.* )?loss={FIGURE}",
    "dnabert:eval_mcc": rf"step=\d+/\d+ .*\beval_mcc={FIGURE}",
}


@dataclass(frozen=True)
class Inputs:
    """Inputs of a training job other than its data: code, weights and checkpoints."""

    program: Program
    weights: str
    """Key of a pre-trained model's archive in the models bucket; "" without one."""
    checkpoints: str
    """S3 URI of the checkpoints, which the job reads and writes."""
    upload_id: str
    """Upload id of job.toml."""


def checkpoints_uri(settings: Settings, name: str) -> str:
    """Return the S3 URI of a job's own checkpoints."""
    return f"s3://{settings.work}/{keys.checkpoints(name)}"


def training_request(
    settings: Settings, name: str, order: Order, size: Sizing, inputs: Inputs
) -> CreateTrainingJobRequestTypeDef:
    """Return a CreateTrainingJob request. Raise JobRefusedError if it exceeds a bound of the service."""
    processes = size.plan.distribution.processes_per_host
    request: CreateTrainingJobRequestTypeDef = {
        "TrainingJobName": name,
        "RoleArn": settings.training_role,
        "AlgorithmSpecification": {
            "TrainingImage": settings.training_image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": key, "Regex": regex} for key, regex in METRICS.items()],
        },
        "HyperParameters": {**hyperparameters(order), **size.hyperparameters, **_toolkit()},
        "InputDataConfig": _channels(settings, order, inputs),
        "OutputDataConfig": {"S3OutputPath": f"s3://{settings.work}/{keys.JOBS}", "KmsKeyId": settings.key},
        "ResourceConfig": _resources(settings, size.plan),
        "StoppingCondition": _stopping(size.seconds, order.job.instance.spot),
        "CheckpointConfig": {"S3Uri": inputs.checkpoints, "LocalPath": CHECKPOINTS},
        "EnableManagedSpotTraining": order.job.instance.spot,
        "EnableNetworkIsolation": is_isolated(settings),
        "Environment": {PROCESSES: str(processes)} if processes else {},
        "Tags": cost_tags(TRAINING, inputs.upload_id, [], training=order.training),
    }
    if settings.training_subnets:
        subnets, groups = settings.training_subnets.split(","), settings.training_security_groups.split(",")
        request["VpcConfig"] = {"Subnets": subnets, "SecurityGroupIds": groups}
    return check_training(request)


def is_isolated(settings: Settings) -> bool:
    """Return True if training containers have no credentials, and no network except to the other hosts of their job.

    A job that was recorded before a deploy changed this is started with the new value: IAM refuses a job without
    isolation if the stack demands it.
    """
    return settings.training_isolation == "true"


def hyperparameters(order: Order) -> dict[str, str]:
    """Return the arguments of the script (`--name value`), except those of the distribution."""
    job, train = order.job, order.job.train
    values = {"task": job.target, "epochs": train.epochs, "learning_rate": job.learning_rate, "seed": train.seed}
    if job.model == DNABERT:
        return {key.replace("_", "-"): str(value) for key, value in values.items()}
    values |= {
        "model": job.model,
        "tokens_per_batch": train.tokens_per_batch,
        "accumulate": train.accumulate,
        "max_length": train.max_length,
        "patience": train.patience,
        "head": train.head,
        "freeze_encoder": str(train.freeze_encoder).lower(),
        "precision": "auto",
    }
    return {key: str(value) for key, value in values.items()}


def fingerprint(request: CreateTrainingJobRequestTypeDef, order: Order) -> str:
    """Return a digest of data, code, weights and hyperparameters.

    If two requests have the same digest, one job may continue from the other's checkpoints. They may have different
    machines, if the hyperparameters are the same.
    """
    channels = request["InputDataConfig"]
    uris = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
    inputs = [uris["code"], uris.get("model")]
    content = {"data": order.prepared.digest, "inputs": inputs, "told": request["HyperParameters"]}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def has_own_disks(instance_type: str) -> bool:
    """Return True if the instance has local disks, for which SageMaker accepts no key."""
    return OWN_DISKS.match(instance_type) is not None


def _toolkit() -> dict[str, str]:
    """Return the training toolkit's own hyperparameters.

    The code is an input channel, because a container without a network could not download it.
    """
    return {
        "sagemaker_program": TRAINING_ENTRY,
        "sagemaker_submit_directory": CODE,
        "sagemaker_container_log_level": "20",
    }


def _channels(settings: Settings, order: Order, inputs: Inputs) -> list[ChannelTypeDef]:
    work, models = f"s3://{settings.work}/", f"s3://{settings.models}/"
    if order.job.model == DNABERT:
        channels = [_channel(name, work + keys.split(order.data, name)) for name in ("train", "validation")]
    else:
        channels = [_channel("data", work + order.data)]
    channels.append(_channel("code", models + inputs.program.prefix))
    if inputs.weights:
        channels.append(_channel("model", models + inputs.weights))
    return channels


def _channel(name: str, uri: str) -> ChannelTypeDef:
    return {
        "ChannelName": name,
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        },
        "InputMode": "File",
        "CompressionType": "None",
    }


def _resources(settings: Settings, plan: Plan) -> ResourceConfigTypeDef:
    resources: ResourceConfigTypeDef = {
        # Any name: SageMaker refuses one that it does not know.
        "InstanceType": cast("TrainingInstanceTypeType", plan.instance.name),
        "InstanceCount": plan.distribution.hosts,
        "VolumeSizeInGB": VOLUME_GB,
    }
    if not has_own_disks(plan.instance.name):
        resources["VolumeKmsKeyId"] = settings.key
    return resources


def _stopping(seconds: int, spot: bool) -> StoppingConditionTypeDef:
    """Return the longest runtime. A job on spot instances may also wait for an instance for the same time."""
    stopping: StoppingConditionTypeDef = {"MaxRuntimeInSeconds": seconds}
    if spot:
        stopping["MaxWaitTimeInSeconds"] = 2 * seconds
    return stopping
