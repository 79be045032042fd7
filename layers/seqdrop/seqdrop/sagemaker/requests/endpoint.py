"""The requests for an endpoint: its model, its configuration, and how an update replaces the instances.

Bounds that botocore does not check are from the API reference and from the guide of deployment guardrails: a canary is
at most half of the new instances, so with one instance all requests go to the new one at once.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from seqdrop.aws import keys
from seqdrop.errors import JobRefusedError
from seqdrop.models.archives import GPU, model_request
from seqdrop.sagemaker.endpoint_names import VARIANT, configuration_name
from seqdrop.sagemaker.tags import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sagemaker.literals import ProductionVariantInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import (
        AsyncInferenceConfigUnionTypeDef,
        CreateEndpointConfigInputTypeDef,
        CreateModelInputTypeDef,
        DataCaptureConfigTypeDef,
        DeploymentConfigTypeDef,
        TagTypeDef,
        TrafficRoutingConfigTypeDef,
    )

    from seqdrop.config.settings import Settings
    from seqdrop.models.archives import ModelArchive
    from seqdrop.sagemaker.serving import Serving

REAL_TIME_MB = 6  # SageMaker's limit of a request in real time; its guide names 25, and some regions still have 6
BAKING = 300  # seconds in which the alarms are watched, after each step of an update
LONGEST_UPDATE = 3600  # seconds
CAPTURED = ["application/json", "application/jsonlines"]  # content types that are stored as text, not as base64


# A request in real time is often one window. Code of earlier versions ignores the variable.
ONE_THREAD = {"SEQDROP_SMALL_BY_ONE_THREAD": "true"}


def tags_of(stack: str, analysis: str) -> list[TagTypeDef]:
    """Return the tags of an endpoint: by them the stack knows that it is its own."""
    return [{"Key": f"{PREFIX}stack", "Value": stack}, {"Key": f"{PREFIX}analysis", "Value": analysis}]


def endpoint_model_request(settings: Settings, serving: Serving, archive: ModelArchive) -> CreateModelInputTypeDef:
    """Return the CreateModel request of an endpoint: that of transform jobs, with what these set for each job.

    Raise JobRefusedError if the instances need another image than transform jobs have.
    """
    if bool(GPU.match(serving.instance_type)) != bool(GPU.match(settings.instance_type)):
        raise JobRefusedError(
            f"the endpoint of {serving.analysis.name} has the instance type {serving.instance_type}, but the image of "
            f"this stack is for {settings.instance_type}: one has a GPU, the other has none. Change instance_type in "
            "analyses.toml, or the parameter InstanceType"
        )
    job = serving.analysis.job
    payload = max(job.max_payload_mb, serving.analysis.shard_mb if serving.is_async else REAL_TIME_MB)
    environment = serving.analysis.kind.environment(serving.analysis)
    if not serving.is_async and not GPU.match(serving.instance_type):
        environment = {**environment, **ONE_THREAD}
    return model_request(settings, archive, payload, environment)


def configuration_request(settings: Settings, serving: Serving, model: str) -> CreateEndpointConfigInputTypeDef:
    """Return the CreateEndpointConfig request of an endpoint that serves a model; its name has a digest of the rest."""
    request: CreateEndpointConfigInputTypeDef = {
        "EndpointConfigName": "",
        "ProductionVariants": [
            {
                "VariantName": VARIANT,
                "ModelName": model,
                # Any name: SageMaker refuses one that it does not know.
                "InstanceType": cast("ProductionVariantInstanceTypeType", serving.instance_type),
                "InitialInstanceCount": serving.initial,
                "InitialVariantWeight": 1.0,
            }
        ],
        "Tags": tags_of(settings.stack, serving.analysis.name),
    }
    if serving.capture_percent:
        request["DataCaptureConfig"] = _capture(settings, serving)
    if serving.is_async:
        request["AsyncInferenceConfig"] = _asynchronous(settings)
    request["EndpointConfigName"] = configuration_name(serving.name, json.dumps(request, sort_keys=True))
    return request


def _capture(settings: Settings, serving: Serving) -> DataCaptureConfigTypeDef:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": serving.capture_percent,
        "DestinationS3Uri": f"s3://{settings.work}/{keys.CAPTURED}",
        "KmsKeyId": settings.key,
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"JsonContentTypes": CAPTURED},
    }


def _asynchronous(settings: Settings) -> AsyncInferenceConfigUnionTypeDef:
    """Return where results go. One request at a time: a worker computes on all cores, or on its GPU."""
    return {
        "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 1},
        "OutputConfig": {
            "S3OutputPath": f"s3://{settings.work}/{keys.ASYNC_OUTPUTS}",
            "S3FailurePath": f"s3://{settings.work}/{keys.ASYNC_FAILURES}",
            "KmsKeyId": settings.key,
            "NotificationConfig": {"SuccessTopic": settings.async_topic, "ErrorTopic": settings.async_topic},
        },
    }


def deployment(serving: Serving, alarms: Sequence[str]) -> DeploymentConfigTypeDef:
    """Return how an update replaces the instances, and the alarms that undo it."""
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": _routing(serving),
            "TerminationWaitInSeconds": BAKING,
            "MaximumExecutionTimeoutInSeconds": LONGEST_UPDATE,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
    }


def _routing(serving: Serving) -> TrafficRoutingConfigTypeDef:
    if serving.initial < 2:
        return {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": BAKING}
    return {
        "Type": "CANARY",
        "WaitIntervalInSeconds": BAKING,
        "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
    }
