"""Bounds that SageMaker enforces and botocore does not. They are checked before a request is sent.

Source: the API reference of CreateTransformJob, CreateModel, CreateProcessingJob and CreateTrainingJob (lengths,
patterns and ranges).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import JobRefusedError
from seqdrop.sagemaker.names import PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sagemaker.type_defs import (
        CreateProcessingJobRequestTypeDef,
        CreateTrainingJobRequestTypeDef,
        CreateTransformJobRequestTypeDef,
        StoppingConditionTypeDef,
        VpcConfigUnionTypeDef,
    )

Rules = dict[str, bool]
"""Message about a broken bound → whether the request is within the bound."""
NAME_RULE = "the job name does not match SageMaker's pattern"


def check_transform(request: CreateTransformJobRequestTypeDef) -> CreateTransformJobRequestTypeDef:
    """Return the request itself. Raise JobRefusedError with every bound that it exceeds."""
    payload, concurrent = request["MaxPayloadInMB"], request["MaxConcurrentTransforms"]
    environment = request.get("Environment", {})
    source = request["TransformInput"]["DataSource"]["S3DataSource"]
    _check(
        {
            NAME_RULE: _is_name(request["TransformJobName"]),
            "MaxPayloadInMB must be 0 to 100": 0 <= payload <= 100,
            "MaxPayloadInMB × MaxConcurrentTransforms must be at most 100": payload * concurrent <= 100,
            "Environment may have at most 16 entries": len(environment) <= 16,
            "an Environment name or value is over 10240 characters": _longest(environment) <= 10240,
            "InstanceCount must be 1 to 100": 1 <= request["TransformResources"]["InstanceCount"] <= 100,
            "an S3Prefix must end in a slash": source["S3DataType"] != "S3Prefix" or source["S3Uri"].endswith("/"),
            "there may be at most 50 tags": len(request.get("Tags", [])) <= 50,
        }
    )
    return request


def check_processing(request: CreateProcessingJobRequestTypeDef) -> CreateProcessingJobRequestTypeDef:
    """Return the request itself. Raise JobRefusedError with every bound that it exceeds."""
    environment, program = request.get("Environment", {}), request["AppSpecification"]
    words = [*program.get("ContainerEntrypoint", []), *program.get("ContainerArguments", [])]
    sources = [channel["S3Input"] for channel in request["ProcessingInputs"]]
    volume = request["ProcessingResources"]["ClusterConfig"]["VolumeSizeInGB"]
    seconds = request["StoppingCondition"]["MaxRuntimeInSeconds"]
    _check(
        {
            NAME_RULE: _is_name(request["ProcessingJobName"]),
            "the image's name is over 255 characters": len(program["ImageUri"]) <= 255,
            "a word of the entry point is over 256 characters": all(len(word) <= 256 for word in words),
            "Environment may have at most 100 entries": len(environment) <= 100,
            "an Environment name or value is over 256 characters": _longest(environment) <= 256,
            "there may be at most 10 inputs": len(sources) <= 10,
            "an input's URI is over 1024 characters": all(len(source["S3Uri"]) <= 1024 for source in sources),
            "an input's path is over 256 characters": all(len(source["LocalPath"]) <= 256 for source in sources),
            "VolumeSizeInGB must be 1 to 16384": 1 <= volume <= 16384,
            "MaxRuntimeInSeconds must be 1 to 777600": 1 <= seconds <= 777_600,
            **_rules_of_network(request["NetworkConfig"].get("VpcConfig")),
            "there may be at most 50 tags": len(request.get("Tags", [])) <= 50,
        }
    )
    return request


def check_training(request: CreateTrainingJobRequestTypeDef) -> CreateTrainingJobRequestTypeDef:
    """Return the request itself. Raise JobRefusedError with every bound that it exceeds."""
    environment = request.get("Environment", {})
    channels = request["InputDataConfig"]
    uris = [channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels]
    resources = request["ResourceConfig"]
    _check(
        {
            NAME_RULE: _is_name(request["TrainingJobName"]),
            **_rules_of_algorithm(request),
            "Environment may have at most 100 entries": len(environment) <= 100,
            "an Environment name or value is over 512 characters": _longest(environment) <= 512,
            "there must be 1 to 20 channels": 1 <= len(uris) <= 20,
            "a channel's URI is over 1024 characters": all(len(uri) <= 1024 for uri in uris),
            "InstanceCount must be 1 to 100": 1 <= resources["InstanceCount"] <= 100,
            "VolumeSizeInGB must be 1 to 16384": 1 <= resources["VolumeSizeInGB"] <= 16384,
            **_rules_of_stopping(request["StoppingCondition"], request.get("EnableManagedSpotTraining", False)),
            **_rules_of_network(request.get("VpcConfig")),
            "there may be at most 50 tags": len(request.get("Tags", [])) <= 50,
        }
    )
    return request


def _rules_of_algorithm(request: CreateTrainingJobRequestTypeDef) -> Rules:
    values, algorithm = request["HyperParameters"], request["AlgorithmSpecification"]
    metrics = algorithm.get("MetricDefinitions", [])
    return {
        "the image's name is over 255 characters": len(algorithm["TrainingImage"]) <= 255,
        "HyperParameters may have at most 100 entries": len(values) <= 100,
        "a hyperparameter's name is over 256 characters": all(len(name) <= 256 for name in values),
        "a hyperparameter's value is over 2500 characters": all(len(value) <= 2500 for value in values.values()),
        "there may be at most 40 metrics": len(metrics) <= 40,
        "a metric's name is over 255 characters, or its regular expression over 500": all(
            len(metric["Name"]) <= 255 and len(metric["Regex"]) <= 500 for metric in metrics
        ),
    }


def _rules_of_stopping(stopping: StoppingConditionTypeDef, spot: bool) -> Rules:
    longest = stopping["MaxRuntimeInSeconds"]
    waits = stopping.get("MaxWaitTimeInSeconds", longest)
    return {
        "MaxRuntimeInSeconds must be 1 to 2419200": 1 <= longest <= 2_419_200,
        "MaxWaitTimeInSeconds is required for spot training, and only allowed there": spot
        == ("MaxWaitTimeInSeconds" in stopping),
        "MaxWaitTimeInSeconds must not be below MaxRuntimeInSeconds": waits >= longest,
    }


def _rules_of_network(network: VpcConfigUnionTypeDef | None) -> Rules:
    if network is None:
        return {}
    subnets, groups = network["Subnets"], network["SecurityGroupIds"]
    complete = 1 <= len(subnets) <= 16 and 1 <= len(groups) <= 5 and all([*subnets, *groups])
    return {"VpcConfig must have 1 to 16 subnets and 1 to 5 security groups": complete}


def _is_name(name: str) -> bool:
    return PATTERN.fullmatch(name) is not None


def _longest(environment: Mapping[str, str]) -> int:
    return max((len(text) for pair in environment.items() for text in pair), default=0)


def _check(rules: Rules) -> None:
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise JobRefusedError("; ".join(broken))
