"""The operations on endpoints."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from local.sagemaker.endpoints import policies
from local.sagemaker.endpoints.configs import find_config
from local.sagemaker.endpoints.records import Endpoint, Release, Variant
from local.sagemaker.errors import NotSupportedLocallyError, ValidationError
from local.sagemaker.listing import FAR_FUTURE, is_created_between, make_page, select
from local.sagemaker.models import find_model
from local.sagemaker.tags import as_dict

if TYPE_CHECKING:
    from local.sagemaker.access import Caller
    from local.sagemaker.endpoints.hosts import Hosts
    from local.sagemaker.registry import Registry


class Endpoints:
    """The operations on endpoints; `hosts` runs them."""

    def __init__(self, registry: Registry, hosts: Hosts) -> None:
        self._registry, self._hosts = registry, hosts

    def create(self, caller: Caller, request: dict) -> dict:
        """Create an endpoint, whose status is Creating until its models are loaded."""
        policies.check(request.get("DeploymentConfig"))
        arn = caller.make_arn("endpoint", request["EndpointName"])
        with self._registry.lock:
            if self._registry.find(caller, Endpoint, request["EndpointName"]):
                raise ValidationError(f'Cannot create already existing endpoint "{arn}".')
            endpoint = Endpoint(
                arn=arn,
                request={key: value for key, value in request.items() if key != "Tags"},
                account=caller.account,
                region=caller.region,
                tags=as_dict(request.get("Tags")),
                release=self._make_release(caller, request["EndpointConfigName"], 1),
                policy=request.get("DeploymentConfig"),
            )
            self._registry.add(endpoint)
        self._hosts.create(endpoint)
        return {"EndpointArn": arn}

    def describe(self, caller: Caller, request: dict) -> dict:
        """Describe an endpoint."""
        with self._registry.lock:
            return self._find(caller, request).describe()

    def update(self, caller: Caller, request: dict) -> dict:
        """Deploy another configuration; the endpoint serves requests during the update."""
        policies.check(request.get("DeploymentConfig"))
        with self._registry.lock:
            endpoint = self._find_steady(caller, request)
            release = self._make_release(caller, request["EndpointConfigName"], endpoint.release.number + 1)
            if release.is_async != endpoint.release.is_async:
                raise ValidationError("An update cannot change between a real-time and an asynchronous endpoint.")
            if request.get("RetainAllVariantProperties"):
                release.retain(endpoint.release, _excluded(request))
            policy = request.get("DeploymentConfig")
            if request.get("RetainDeploymentConfig"):
                policy = endpoint.policy
            policies.check_capacity(policy or {}, sum(each.desired_instances for each in release.variants.values()))
            endpoint.pending, endpoint.pending_since, endpoint.policy = release, time.time(), policy
            _begin_update(endpoint)
        self._hosts.update(endpoint)
        return {"EndpointArn": endpoint.arn}

    def update_weights_and_capacities(self, caller: Caller, request: dict) -> dict:
        """Change weights and numbers of instances of variants."""
        with self._registry.lock:
            endpoint = self._find_steady(caller, request)
            for change in request["DesiredWeightsAndCapacities"]:
                _check_change(endpoint, change)
            for change in request["DesiredWeightsAndCapacities"]:
                endpoint.release.variants[change["VariantName"]].desire(
                    change.get("DesiredWeight"), change.get("DesiredInstanceCount")
                )
            _begin_update(endpoint)
        self._hosts.rescale(endpoint)
        return {"EndpointArn": endpoint.arn}

    def delete(self, caller: Caller, request: dict) -> None:
        """Delete an endpoint: its status is Deleting until the requests under way have ended."""
        with self._registry.lock:
            endpoint = self._find(caller, request)
            if endpoint.status == "Deleting":
                raise _in_progress(endpoint)
            endpoint.status, endpoint.modified = "Deleting", time.time()
        self._hosts.delete(endpoint)

    def list(self, caller: Caller, request: dict) -> dict:
        """List the summaries of the endpoints that match the request."""
        with self._registry.lock:
            endpoints = [each for each in self._registry.list(caller, Endpoint) if _matches(each, request)]
            summaries = [_summary(each) for each in endpoints]
        return make_page("Endpoints", select(summaries, request, "EndpointName"), request)

    def _find(self, caller: Caller, request: dict) -> Endpoint:
        endpoint = self._registry.find(caller, Endpoint, request["EndpointName"])
        if endpoint is None:
            arn = caller.make_arn("endpoint", request["EndpointName"])
            raise ValidationError(f'Could not find endpoint "{arn}".')
        return endpoint

    def _find_steady(self, caller: Caller, request: dict) -> Endpoint:
        endpoint = self._find(caller, request)
        if endpoint.status != "InService":
            raise _in_progress(endpoint)
        return endpoint

    def _make_release(self, caller: Caller, config_name: str, number: int) -> Release:
        config = find_config(self._registry, caller, config_name).request
        variants = config["ProductionVariants"]
        names = [variant["ModelName"] for variant in variants]
        models = {name: asdict(find_model(self._registry, caller, name)) for name in names}
        states = {variant["VariantName"]: Variant.make(variant) for variant in variants}
        return Release(number, config, models, states)


def _in_progress(endpoint: Endpoint) -> ValidationError:
    return ValidationError(f'Cannot update in-progress endpoint "{endpoint.arn}", whose status is {endpoint.status}.')


def _begin_update(endpoint: Endpoint) -> None:
    endpoint.status, endpoint.failure, endpoint.modified = "Updating", None, time.time()


def _excluded(request: dict) -> set[str]:
    return {each["VariantPropertyType"] for each in request.get("ExcludeRetainedVariantProperties", [])}


def _check_change(endpoint: Endpoint, change: dict) -> None:
    if change["VariantName"] not in endpoint.release.variants:
        raise ValidationError(f"Could not find variant {change['VariantName']} of endpoint {endpoint.name}.")
    if change.get("ServerlessUpdateConfig"):
        raise NotSupportedLocallyError("ServerlessUpdateConfig")
    if change.get("DesiredInstanceCount") == 0 and not endpoint.release.is_async:
        raise ValidationError("A real-time endpoint must have at least one instance.")


def _matches(endpoint: Endpoint, request: dict) -> bool:
    after, before = request.get("LastModifiedTimeAfter", 0), request.get("LastModifiedTimeBefore", FAR_FUTURE)
    return (
        is_created_between(endpoint, request)
        and request.get("StatusEquals", endpoint.status) == endpoint.status
        and after <= endpoint.modified <= before
    )


def _summary(endpoint: Endpoint) -> dict:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
        "EndpointStatus": endpoint.status,
    }
