"""The condition keys of IAM that SageMaker sets from a request that creates a job or a model.

Source: the Service Authorization Reference of SageMaker AI, which lists the keys of each action. A key is absent if the
request lacks the member that it is read from, but network isolation counts as false: it is a boolean of the service
with that default.
"""

from __future__ import annotations

from collections.abc import Mapping

Value = str | list[str]

# The path of the member in a request, for each action and key. A list on the path stands for all of its elements.
CLUSTER = ("ProcessingResources", "ClusterConfig")
NETWORK = {
    "sagemaker:VpcSubnets": (("VpcConfig", "Subnets"),),
    "sagemaker:VpcSecurityGroupIds": (("VpcConfig", "SecurityGroupIds"),),
    "sagemaker:NetworkIsolation": (("EnableNetworkIsolation",),),
}
KEYS: Mapping[str, Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "CreateModel": NETWORK,
    "CreateTransformJob": {
        "sagemaker:InstanceTypes": (("TransformResources", "InstanceType"),),
        "sagemaker:VolumeKmsKeyArn": (("TransformResources", "VolumeKmsKeyId"),),
        "sagemaker:OutputKmsKeyArn": (("TransformOutput", "KmsKeyId"),),
    },
    "CreateProcessingJob": {
        "sagemaker:InstanceTypes": ((*CLUSTER, "InstanceType"),),
        "sagemaker:VolumeKmsKeyArn": ((*CLUSTER, "VolumeKmsKeyId"),),
        "sagemaker:OutputKmsKeyArn": (("ProcessingOutputConfig", "KmsKeyId"),),
        "sagemaker:MaxRuntimeInSeconds": (("StoppingCondition", "MaxRuntimeInSeconds"),),
        **{key: tuple(("NetworkConfig", *path) for path in paths) for key, paths in NETWORK.items()},
    },
    "CreateTrainingJob": {
        "sagemaker:InstanceTypes": (
            ("ResourceConfig", "InstanceType"),
            ("ResourceConfig", "InstanceGroups", "InstanceType"),
        ),
        "sagemaker:VolumeKmsKeyArn": (("ResourceConfig", "VolumeKmsKeyId"),),
        "sagemaker:OutputKmsKeyArn": (("OutputDataConfig", "KmsKeyId"),),
        "sagemaker:MaxRuntimeInSeconds": (("StoppingCondition", "MaxRuntimeInSeconds"),),
        **NETWORK,
    },
    "CreateEndpointConfig": {
        "sagemaker:InstanceTypes": (("ProductionVariants", "InstanceType"),),
        "sagemaker:VolumeKmsKeyArn": (("KmsKeyId",),),
        "sagemaker:OutputKmsKeyArn": (("AsyncInferenceConfig", "OutputConfig", "KmsKeyId"),),
    },
}
DEFAULTS = {"sagemaker:NetworkIsolation": "false"}
LISTS = frozenset({"sagemaker:InstanceTypes", "sagemaker:VpcSubnets", "sagemaker:VpcSecurityGroupIds"})


def read_conditions(operation: str, request: Mapping[str, object]) -> dict[str, Value]:
    """Return the condition keys that follow from a request, with a list for a key that may have several values."""
    conditions: dict[str, Value] = {}
    for key, paths in KEYS.get(operation, {}).items():
        values = [_as_text(value) for path in paths for value in _find(request, path)]
        if not values and key in DEFAULTS:
            values = [DEFAULTS[key]]
        if values:
            conditions[key] = values if key in LISTS else values[0]
    return conditions


def _find(value: object, path: tuple[str, ...]) -> list[object]:
    if isinstance(value, list):
        return [member for child in value for member in _find(child, path)]
    if not path:
        return [value]
    return _find(value[path[0]], path[1:]) if isinstance(value, Mapping) and path[0] in value else []


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
