"""Bounds that SageMaker enforces and botocore does not. Checked before a request is sent.

Source: the API reference of CreateTransformJob, CreateModel, CreateProcessingJob and CreateTrainingJob (lengths,
patterns and ranges).
"""

from __future__ import annotations

from seqdrop.errors import JobRefusedError
from seqdrop.sagemaker.names import PATTERN


def check_transform(request: dict) -> dict:
    """The request itself, or JobRefusedError that lists every broken bound."""
    payload, concurrent = request["MaxPayloadInMB"], request["MaxConcurrentTransforms"]
    environment = request.get("Environment", {})
    resources = request["TransformResources"]
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    rules = {
        "the job name does not fit SageMaker's pattern": PATTERN.fullmatch(request["TransformJobName"]),
        "MaxPayloadInMB must be 0 to 100": 0 <= payload <= 100,
        "MaxPayloadInMB × MaxConcurrentTransforms must be 100 at the most": payload * concurrent <= 100,
        "Environment may have 16 entries": len(environment) <= 16,
        "an Environment name or value is over 10240 characters": all(
            len(text) <= 10240 for pair in environment.items() for text in pair
        ),
        "InstanceCount must be 1 to 100": 1 <= resources["InstanceCount"] <= 100,
        "an S3Prefix must end in a slash": source["S3DataType"] != "S3Prefix" or source["S3Uri"].endswith("/"),
        "50 tags at the most": len(request.get("Tags", [])) <= 50,
    }
    return _held(rules, request)


def check_processing(request: dict) -> dict:
    """The request itself, or JobRefusedError that lists every broken bound."""
    environment, program = request.get("Environment", {}), request["AppSpecification"]
    words = [*program.get("ContainerEntrypoint", []), *program.get("ContainerArguments", [])]
    sources = [one["S3Input"] for one in request["ProcessingInputs"]]
    cluster = request["ProcessingResources"]["ClusterConfig"]
    rules = {
        "the job name does not fit SageMaker's pattern": PATTERN.fullmatch(request["ProcessingJobName"]),
        "the image's name is over 255 characters": len(program["ImageUri"]) <= 255,
        "a word of the entry point is over 256 characters": all(len(word) <= 256 for word in words),
        "Environment may have 100 entries": len(environment) <= 100,
        "an Environment name or value is over 256 characters": all(
            len(text) <= 256 for pair in environment.items() for text in pair
        ),
        "10 inputs at the most": len(sources) <= 10,
        "an input's URI is over 1024 characters": all(len(source["S3Uri"]) <= 1024 for source in sources),
        "an input's path is over 256 characters": all(len(source["LocalPath"]) <= 256 for source in sources),
        "VolumeSizeInGB must be 1 to 16384": 1 <= cluster["VolumeSizeInGB"] <= 16384,
        "MaxRuntimeInSeconds must be 1 to 777600": 1 <= request["StoppingCondition"]["MaxRuntimeInSeconds"] <= 777600,
        "50 tags at the most": len(request.get("Tags", [])) <= 50,
    }
    return _held(rules, request)


def check_training(request: dict) -> dict:
    """The request itself, or JobRefusedError that lists every broken bound."""
    told, environment = request["HyperParameters"], request.get("Environment", {})
    algorithm, resources = request["AlgorithmSpecification"], request["ResourceConfig"]
    metrics, stopping = algorithm.get("MetricDefinitions", []), request["StoppingCondition"]
    spot, longest = request.get("EnableManagedSpotTraining", False), stopping["MaxRuntimeInSeconds"]
    uris = [one["DataSource"]["S3DataSource"]["S3Uri"] for one in request["InputDataConfig"]]
    network = request.get("VpcConfig", {"Subnets": ["-"], "SecurityGroupIds": ["-"]})
    rules = {
        "the job name does not fit SageMaker's pattern": PATTERN.fullmatch(request["TrainingJobName"]),
        "the image's name is over 255 characters": len(algorithm["TrainingImage"]) <= 255,
        "HyperParameters may have 100 entries": len(told) <= 100,
        "a hyperparameter's name is over 256 characters": all(len(name) <= 256 for name in told),
        "a hyperparameter is over 2500 characters": all(len(value) <= 2500 for value in told.values()),
        "Environment may have 100 entries": len(environment) <= 100,
        "an Environment name or value is over 512 characters": all(
            len(text) <= 512 for pair in environment.items() for text in pair
        ),
        "40 metrics at the most": len(metrics) <= 40,
        "a metric's name is over 255 characters, or its expression over 500": all(
            len(one["Name"]) <= 255 and len(one["Regex"]) <= 500 for one in metrics
        ),
        "there must be 1 to 20 channels": 1 <= len(uris) <= 20,
        "a channel's URI is over 1024 characters": all(len(uri) <= 1024 for uri in uris),
        "InstanceCount must be 1 to 100": 1 <= resources["InstanceCount"] <= 100,
        "VolumeSizeInGB must be 1 to 16384": 1 <= resources["VolumeSizeInGB"] <= 16384,
        "MaxRuntimeInSeconds must be 1 to 2419200": 1 <= longest <= 2_419_200,
        "MaxWaitTimeInSeconds is for spot training, which needs it": spot == ("MaxWaitTimeInSeconds" in stopping),
        "MaxWaitTimeInSeconds must not be below MaxRuntimeInSeconds": stopping.get("MaxWaitTimeInSeconds", longest)
        >= longest,
        "a VPC has 1 to 16 subnets and 1 to 5 security groups": 1 <= len(network["Subnets"]) <= 16
        and 1 <= len(network["SecurityGroupIds"]) <= 5
        and all([*network["Subnets"], *network["SecurityGroupIds"]]),
        "50 tags at the most": len(request.get("Tags", [])) <= 50,
    }
    return _held(rules, request)


def _held(rules: dict, request: dict) -> dict:
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise JobRefusedError("; ".join(broken))
    return request
