"""IAM condition keys of SageMaker that follow from the content of a request.

Source: "Actions, resources, and condition keys for Amazon SageMaker AI" of AWS's service authorization reference. Only
the keys of operations that the embedded SageMaker has are listed. A key whose value the request lacks is absent, but
network isolation counts as false: it is a boolean of the service with that default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = str | list[str]
# The path to the value of a condition key, in the request of each operation.
PATHS: dict[str, dict[str, str]] = {
    "CreateModel": {"NetworkIsolation": "EnableNetworkIsolation"},
    "CreateTransformJob": {
        "InstanceTypes": "TransformResources.InstanceType",
        "OutputKmsKey": "TransformOutput.KmsKeyId",
        "VolumeKmsKey": "TransformResources.VolumeKmsKeyId",
    },
    "CreateProcessingJob": {
        "InstanceTypes": "ProcessingResources.ClusterConfig.InstanceType",
        "MaxRuntimeInSeconds": "StoppingCondition.MaxRuntimeInSeconds",
        "NetworkIsolation": "NetworkConfig.EnableNetworkIsolation",
        "OutputKmsKey": "ProcessingOutputConfig.KmsKeyId",
        "VolumeKmsKey": "ProcessingResources.ClusterConfig.VolumeKmsKeyId",
    },
    "CreateTrainingJob": {
        "InstanceTypes": "ResourceConfig.InstanceType",
        "MaxRuntimeInSeconds": "StoppingCondition.MaxRuntimeInSeconds",
        "NetworkIsolation": "EnableNetworkIsolation",
        "OutputKmsKey": "OutputDataConfig.KmsKeyId",
        "VolumeKmsKey": "ResourceConfig.VolumeKmsKeyId",
    },
}
LISTS = frozenset({"InstanceTypes"})  # keys with several values
DEFAULTS = {"NetworkIsolation": "false"}


def find_conditions(operation: str, request: Mapping[str, object]) -> dict[str, Value]:
    """Return the condition keys of a request, with the prefix `sagemaker:`, and their values."""
    conditions: dict[str, Value] = {}
    for key, path in PATHS.get(operation, {}).items():
        value = _find(request, path)
        text = DEFAULTS.get(key) if value is None else _format(value)
        if text is not None:
            conditions[f"sagemaker:{key}"] = [text] if key in LISTS else text
    return conditions


def _find(request: Mapping[str, object], path: str) -> object:
    value: object = request
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _format(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
