"""The operations on endpoint configurations, and the rules of CreateEndpointConfig."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.sagemaker.endpoints.records import EndpointConfig
from local.sagemaker.errors import NotSupportedLocallyError, ValidationError
from local.sagemaker.listing import is_created_between, make_page, select
from local.sagemaker.models import find_model
from local.sagemaker.storage import Location
from local.sagemaker.tags import as_dict

if TYPE_CHECKING:
    from local.sagemaker.access import Caller
    from local.sagemaker.registry import Registry

# Members that only AWS can serve.
UNSUPPORTED = ("ExplainerConfig", "ShadowProductionVariants", "VpcConfig", "ExecutionRoleArn", "MetricsConfig")
UNSUPPORTED_OF_VARIANT = (
    "ServerlessConfig",
    "InstancePools",
    "AcceleratorType",
    "CoreDumpConfig",
    "ManagedInstanceScaling",
    "CapacityReservationConfig",
)


class EndpointConfigs:
    """The operations on endpoint configurations."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def create(self, caller: Caller, request: dict) -> dict:
        """Create a configuration of existing models."""
        check(request)
        for variant in request["ProductionVariants"]:
            find_model(self._registry, caller, variant["ModelName"])
        config = EndpointConfig(
            arn=caller.make_arn("endpoint-config", request["EndpointConfigName"]),
            request={key: value for key, value in request.items() if key != "Tags"},
            account=caller.account,
            region=caller.region,
            tags=as_dict(request.get("Tags")),
        )
        with self._registry.lock:
            if self._registry.find(caller, EndpointConfig, config.name):
                raise ValidationError(f'Cannot create already existing endpoint configuration "{config.arn}".')
            self._registry.add(config)
        return {"EndpointConfigArn": config.arn}

    def describe(self, caller: Caller, request: dict) -> dict:
        """Describe a configuration."""
        config = find_config(self._registry, caller, request["EndpointConfigName"])
        defaults = {"EnableNetworkIsolation": False}
        return defaults | config.request | {"EndpointConfigArn": config.arn, "CreationTime": config.created}

    def delete(self, caller: Caller, request: dict) -> None:
        """Delete a configuration; endpoints that run it are not affected."""
        self._registry.remove(find_config(self._registry, caller, request["EndpointConfigName"]))

    def list(self, caller: Caller, request: dict) -> dict:
        """List the summaries of the configurations that match the request."""
        configs = [each for each in self._registry.list(caller, EndpointConfig) if is_created_between(each, request)]
        summaries = [
            {"EndpointConfigName": each.name, "EndpointConfigArn": each.arn, "CreationTime": each.created}
            for each in configs
        ]
        return make_page("EndpointConfigs", select(summaries, request, "EndpointConfigName"), request)


def find_config(registry: Registry, caller: Caller, name: str) -> EndpointConfig:
    """Return the configuration with this name; raise ValidationError if there is none."""
    config = registry.find(caller, EndpointConfig, name)
    if config is None:
        arn = caller.make_arn("endpoint-config", name)
        raise ValidationError(f'Could not find endpoint configuration "{arn}".')
    return config


def check(request: dict) -> None:
    """Check the rules that botocore's model lacks; raise ValidationError for the first one that is broken."""
    _check_supported(request)
    variants = request["ProductionVariants"]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) != len(names):
        raise ValidationError("Variant names must be unique within an endpoint configuration.")
    for variant in variants:
        for member in ("ModelName", "InstanceType", "InitialInstanceCount"):
            if not variant.get(member):
                raise ValidationError(f"{member} must be specified for the variant {variant['VariantName']}.")
    if sum(variant.get("InitialVariantWeight", 1) for variant in variants) == 0:
        raise ValidationError("At least one variant must have a weight greater than 0.")
    _check_async(request)
    if "DataCaptureConfig" in request:
        Location.parse(request["DataCaptureConfig"]["DestinationS3Uri"])


def _check_supported(request: dict) -> None:
    for member in UNSUPPORTED:
        if request.get(member):
            raise NotSupportedLocallyError(member)
    for variant in request["ProductionVariants"]:
        for member in UNSUPPORTED_OF_VARIANT:
            if variant.get(member):
                raise NotSupportedLocallyError(member)


def _check_async(request: dict) -> None:
    config = request.get("AsyncInferenceConfig")
    if config is None:
        return
    if len(request["ProductionVariants"]) > 1:
        raise ValidationError("An asynchronous endpoint can have only one production variant.")
    if not config["OutputConfig"].get("S3OutputPath"):
        raise NotSupportedLocallyError("an asynchronous endpoint without S3OutputPath")
    for member in ("S3OutputPath", "S3FailurePath"):
        if config["OutputConfig"].get(member):
            Location.parse(config["OutputConfig"][member])
