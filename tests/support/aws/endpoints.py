"""Endpoints of SageMaker in memory, with the alarms of CloudWatch and the targets of Application Auto Scaling.

A change ends when a test calls `end_change`. The rules are those of the embedded SageMaker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.aws.errors import RefusedError
from tests.support.aws.template import ACCOUNT, REGION

if TYPE_CHECKING:
    from datetime import datetime

CHANGING = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")


@dataclass
class Endpoint:
    """An endpoint; `wanted` is the configuration of the change in progress."""

    name: str
    configuration: str
    created: datetime
    modified: datetime
    status: str = "Creating"
    wanted: str = ""
    reason: str = ""
    request: dict = field(default_factory=dict)  # of the last creation or update


def arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name.lower()}"


def invalid(message: str) -> RefusedError:
    return RefusedError("ValidationException", message)


class Endpoints:
    """The part of SageMaker that has endpoints. `updates` has the request of each update."""

    def __init__(self, clock):
        self._clock = clock
        self.endpoints: dict[str, Endpoint] = {}
        self.configurations: dict[str, dict] = {}
        self.endpoint_tags: dict[str, list[dict]] = {}
        self.updates: list[dict] = []
        self.capacity = True

    def end_change(self, name: str, outcome: str = "", reason: str = "") -> None:
        """End the change in progress: as wanted, or with "fails" (of a creation) or "is undone" (of an update)."""
        endpoint = self.endpoints[name]
        if endpoint.status == "Deleting":
            del self.endpoints[name]
            return
        endpoint.modified, endpoint.reason = self._clock.now, reason
        if outcome == "fails":
            endpoint.status = "Failed"
            return
        if outcome != "is undone":
            endpoint.configuration = endpoint.wanted or endpoint.configuration
        endpoint.status, endpoint.wanted = "InService", ""

    # -- the API --

    def create_endpoint_config(self, request: dict, headers: dict) -> dict:
        name = request["EndpointConfigName"]
        if name in self.configurations:
            raise RefusedError(
                "ValidationException",
                f'Cannot create already existing endpoint configuration "{arn("endpoint-config", name)}".',
            )
        for variant in request["ProductionVariants"]:
            if variant["ModelName"] not in self.models:
                raise invalid(f'Could not find model "{arn("model", variant["ModelName"])}".')
        self.configurations[name] = request
        return {"EndpointConfigArn": arn("endpoint-config", name)}

    def delete_endpoint_config(self, request: dict, headers: dict) -> dict:
        self._configuration(request["EndpointConfigName"])
        del self.configurations[request["EndpointConfigName"]]
        return {}

    def list_endpoint_configs(self, request: dict, headers: dict) -> dict:
        text = request.get("NameContains", "")
        names = [name for name in self.configurations if text in name]
        return {"EndpointConfigs": [self._summary("EndpointConfig", "endpoint-config", name) for name in names]}

    def create_endpoint(self, request: dict, headers: dict) -> dict:
        name = request["EndpointName"]
        if name in self.endpoints:
            raise invalid(f'Cannot create already existing endpoint "{arn("endpoint", name)}".')
        self._configuration(request["EndpointConfigName"])
        if not self.capacity:
            raise RefusedError("ResourceLimitExceeded", "The account-level service limit is 0 Instances")
        now = self._clock.now
        self.endpoints[name] = Endpoint(name, request["EndpointConfigName"], now, now, request=request)
        self.endpoint_tags[arn("endpoint", name)] = request.get("Tags", [])
        return {"EndpointArn": arn("endpoint", name)}

    def describe_endpoint(self, request: dict, headers: dict) -> dict:
        endpoint = self._endpoint(request["EndpointName"])
        (variant,) = self.configurations.get(endpoint.configuration, {"ProductionVariants": [{}]})["ProductionVariants"]
        reason = {"FailureReason": endpoint.reason} if endpoint.reason else {}
        count = variant.get("InitialInstanceCount", 1)
        pending = {"PendingDeploymentSummary": {"EndpointConfigName": endpoint.wanted}} if endpoint.wanted else {}
        return (
            reason
            | pending
            | {
                "EndpointName": endpoint.name,
                "EndpointArn": arn("endpoint", endpoint.name),
                "EndpointConfigName": endpoint.configuration,
                "EndpointStatus": endpoint.status,
                "CreationTime": endpoint.created,
                "LastModifiedTime": endpoint.modified,
                "ProductionVariants": [{"VariantName": variant.get("VariantName", "v"), "CurrentInstanceCount": count}],
            }
        )

    def describe_endpoint_config(self, request: dict, headers: dict) -> dict:
        name = request["EndpointConfigName"]
        return {
            **self._configuration(name),
            "EndpointConfigArn": arn("endpoint-config", name),
            "CreationTime": self._clock.now,
        }

    def list_endpoints(self, request: dict, headers: dict) -> dict:
        text = request.get("NameContains", "")
        names = [name for name in self.endpoints if text in name]
        return {"Endpoints": [self._summary("Endpoint", "endpoint", name) for name in names]}

    def update_endpoint(self, request: dict, headers: dict) -> dict:
        endpoint = self._endpoint(request["EndpointName"])
        self._configuration(request["EndpointConfigName"])
        self._check_settled(endpoint, "update")
        if not self.capacity:  # a new fleet comes before the old one goes
            raise RefusedError("ResourceLimitExceeded", "The account-level service limit is 0 Instances")
        self.updates.append(request)
        endpoint.status, endpoint.wanted = "Updating", request["EndpointConfigName"]
        endpoint.modified, endpoint.request = self._clock.now, request
        return {"EndpointArn": arn("endpoint", endpoint.name)}

    def delete_endpoint(self, request: dict, headers: dict) -> dict:
        endpoint = self._endpoint(request["EndpointName"])
        self._check_settled(endpoint, "delete")
        endpoint.status = "Deleting"
        return {}

    def list_tags(self, request: dict, headers: dict) -> dict:
        return {"Tags": self.endpoint_tags.get(request["ResourceArn"], [])}

    def _summary(self, word: str, kind: str, name: str) -> dict:
        return {f"{word}Name": name, f"{word}Arn": arn(kind, name), "CreationTime": self._clock.now}

    def _check_settled(self, endpoint: Endpoint, verb: str) -> None:
        if endpoint.status in CHANGING:
            raise invalid(f'Cannot {verb} in-progress endpoint "{arn("endpoint", endpoint.name)}".')

    def _endpoint(self, name: str) -> Endpoint:
        if name not in self.endpoints:
            raise invalid(f'Could not find endpoint "{arn("endpoint", name)}".')
        return self.endpoints[name]

    def _configuration(self, name: str) -> dict:
        if name not in self.configurations:
            raise invalid(f'Could not find endpoint configuration "{arn("endpoint-config", name)}".')
        return self.configurations[name]


class CloudWatch:
    """Alarms by name, and the points of metrics: (time, value) by metric and endpoint."""

    def __init__(self):
        self.alarms: dict[str, dict] = {}
        self.points: dict[tuple[str, str], list[tuple[datetime, float]]] = {}

    def put_metric_alarm(self, request: dict, headers: dict) -> dict:
        self.alarms[request["AlarmName"]] = request
        return {}

    def delete_alarms(self, request: dict, headers: dict) -> dict:
        for name in request["AlarmNames"]:
            self.alarms.pop(name, None)
        return {}

    def get_metric_statistics(self, request: dict, headers: dict) -> dict:
        endpoint = next(each["Value"] for each in request["Dimensions"] if each["Name"] == "EndpointName")
        points = self.points.get((request["MetricName"], endpoint), [])
        inside = [value for at, value in points if request["StartTime"] <= at <= request["EndTime"]]
        return {"Datapoints": [{"Sum": value} for value in inside]}


class AutoScaling:
    """Scalable targets by their resource, with their policies."""

    def __init__(self):
        self.targets: dict[str, dict] = {}
        self.policies: dict[str, dict[str, dict]] = {}

    def register_scalable_target(self, request: dict, headers: dict) -> dict:
        self.targets[request["ResourceId"]] = request
        return {}

    def put_scaling_policy(self, request: dict, headers: dict) -> dict:
        if request["ResourceId"] not in self.targets:
            raise RefusedError("ObjectNotFoundException", "No scalable target registered")
        self.policies.setdefault(request["ResourceId"], {})[request["PolicyName"]] = request
        return {"PolicyARN": f"arn:policy/{request['ResourceId']}/{request['PolicyName']}"}

    def deregister_scalable_target(self, request: dict, headers: dict) -> dict:
        if request["ResourceId"] not in self.targets:
            raise RefusedError("ObjectNotFoundException", "No scalable target found")
        del self.targets[request["ResourceId"]]
        self.policies.pop(request["ResourceId"], None)
        return {}
