"""The request for one training job."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.models.code_bundles import SOURCE, TRAINING_ENTRY, Program
from seqdrop.sagemaker.limits import check_training
from seqdrop.training.jobfile import DNABERT

if TYPE_CHECKING:
    from seqdrop.config.settings import Settings
    from seqdrop.training.plan.search import Plan
    from seqdrop.training.plan.sizing import Sizing
    from seqdrop.training.request import Order

CODE = f"/opt/ml/input/data/code/{SOURCE}"
CHECKPOINTS = "/opt/ml/checkpoints"
PROCESSES = "SEQDROP_PROCESSES"  # a host, where job.toml says so; containers count their GPUs
VOLUME_GB = 100  # for the weights, their copies in checkpoints, and the image's own
# With disks of their own, which encrypt themselves and take no key: those of a d (p4d, g4dn, m5d), and these.
OWN_DISKS = re.compile(r"ml\.([a-z]+\d[a-z]*d[a-z]*|g5|g6e?|gr6|p5e?n?|p6.*|trn\d.*|i\d.*)\.")
FIGURE = r"([-+0-9.eE]+|nan)"
# What train.py prints, as CloudWatch and the end of the job tell it.
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


def checkpoints_uri(settings: Settings, name: str) -> str:
    return f"s3://{settings.work}/{keys.checkpoints(name)}"


def training_request(
    settings: Settings,
    name: str,
    order: Order,
    size: Sizing,
    program: Program,
    weights: str,
    checkpoints: str,
) -> dict:
    """A CreateTrainingJob request. Raises JobRefusedError if it breaks a bound of the service.

    `weights` is the key of a pre-trained model's archive, or "".
    """
    spread = size.plan.distribution
    return check_training(
        {
            "TrainingJobName": name,
            "RoleArn": settings.training_role,
            "AlgorithmSpecification": {
                "TrainingImage": settings.training_image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": key, "Regex": regex} for key, regex in METRICS.items()],
            },
            "HyperParameters": {**hyperparameters(order), **size.hyperparameters, **_toolkit()},
            "InputDataConfig": _channels(settings, order, program, weights),
            "OutputDataConfig": {"S3OutputPath": f"s3://{settings.work}/{keys.JOBS}", "KmsKeyId": settings.key},
            "ResourceConfig": _resources(settings, size.plan),
            "StoppingCondition": _stopping(order),
            "CheckpointConfig": {"S3Uri": checkpoints, "LocalPath": CHECKPOINTS},
            "EnableManagedSpotTraining": order.job.instance.spot,
            "EnableNetworkIsolation": settings.training_isolation == "true",
            "Environment": {PROCESSES: str(spread.processes_per_host)} if spread.processes_per_host else {},
            "Tags": [
                {"Key": "seqdrop:analysis", "Value": "training"},
                {"Key": "seqdrop:training", "Value": order.training},
            ],
            **_network(settings),
        }
    )


def hyperparameters(order: Order) -> dict[str, str]:
    """What the script is told as `--name value`, but for the distribution."""
    job, train = order.job, order.job.train
    told = {"task": job.target, "epochs": train.epochs, "learning_rate": job.learning_rate, "seed": train.seed}
    if job.model == DNABERT:
        return {key.replace("_", "-"): str(value) for key, value in told.items()}
    told |= {
        "model": job.model,
        "tokens_per_batch": train.tokens_per_batch,
        "accumulate": train.accumulate,
        "max_length": train.max_length,
        "patience": train.patience,
        "head": train.head,
        "freeze_encoder": str(train.freeze_encoder).lower(),
        "precision": "auto",
    }
    return {key: str(value) for key, value in told.items()}


def fingerprint(request: dict, order: Order) -> str:
    """The same for two requests of which one may go on from the other's checkpoints: equal data, code, weights and
    settings. Machines may differ where nothing that the script is told does."""
    uris = {one["ChannelName"]: one["DataSource"]["S3DataSource"]["S3Uri"] for one in request["InputDataConfig"]}
    inputs = [uris["code"], uris.get("model")]
    about = {"data": order.prepared.digest, "inputs": inputs, "told": request["HyperParameters"]}
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def has_own_disks(instance_type: str) -> bool:
    """Whether SageMaker refuses a key for the volume of such a machine."""
    return OWN_DISKS.match(instance_type) is not None


def _toolkit() -> dict[str, str]:
    """The code comes as a channel, which a container without a network can read, too."""
    return {
        "sagemaker_program": TRAINING_ENTRY,
        "sagemaker_submit_directory": CODE,
        "sagemaker_container_log_level": "20",
    }


def _channels(settings: Settings, order: Order, program: Program, weights: str) -> list[dict]:
    work = f"s3://{settings.work}/"
    if order.job.model == DNABERT:
        found = [_channel(name, work + keys.split(order.data, name)) for name in ("train", "validation")]
    else:
        found = [_channel("data", work + order.data)]
    found.append(_channel("code", f"s3://{settings.results}/{program.prefix}"))
    return [*found, *([_channel("model", f"s3://{settings.results}/{weights}")] if weights else [])]


def _channel(name: str, uri: str) -> dict:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File", "CompressionType": "None"}


def _resources(settings: Settings, plan: Plan) -> dict:
    found = {
        "InstanceType": plan.instance.name,
        "InstanceCount": plan.distribution.hosts,
        "VolumeSizeInGB": VOLUME_GB,
    }
    return found if has_own_disks(plan.instance.name) else {**found, "VolumeKmsKeyId": settings.key}


def _stopping(order: Order) -> dict:
    """A job on spot machines may wait as long again as it may run."""
    seconds = int(order.job.instance.max_hours * 3600)
    return {"MaxRuntimeInSeconds": seconds} | ({"MaxWaitTimeInSeconds": 2 * seconds} if order.job.instance.spot else {})


def _network(settings: Settings) -> dict:
    if not settings.training_subnets:
        return {}
    groups = settings.training_security_groups.split(",")
    return {"VpcConfig": {"Subnets": settings.training_subnets.split(","), "SecurityGroupIds": groups}}
