"""The operations of Application Auto Scaling: validated, authorised, performed."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

from local.autoscaling import decisions
from local.autoscaling.records import DIMENSION, RESOURCE, ScalableTarget, ScalingPolicy, make_name
from local.sagemaker import shapes
from local.sagemaker.endpoints.records import Endpoint
from local.sagemaker.errors import AccessDeniedError, ServiceError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.sagemaker.access import Caller
    from local.sagemaker.registry import Registry

SERVICE = "application-autoscaling"
LINKED_ROLE = (
    "aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
# The actions of other services that the caller of an operation needs too, on the endpoint, and on alarms.
ON_ENDPOINT = ("DescribeEndpoint", "UpdateEndpointWeightsAndCapacities")
ON_ALARMS = ("PutMetricAlarm", "DescribeAlarms", "DeleteAlarms")


class NotFoundError(ServiceError):
    """There is no such target or policy."""

    code = "ObjectNotFoundException"


class AutoScaling:
    """The service; its records are in the registry of SageMaker, whose process runs it."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._operations: dict[str, Callable[[Caller, dict], dict]] = {
            "RegisterScalableTarget": self._register,
            "DescribeScalableTargets": self._describe_targets,
            "DeregisterScalableTarget": self._deregister,
            "PutScalingPolicy": self._put_policy,
            "DescribeScalingPolicies": self._describe_policies,
            "DeleteScalingPolicy": self._delete_policy,
            "DescribeScalingActivities": self._describe_activities,
        }

    def respond(self, operation: str, body: bytes, caller: Caller) -> tuple[int, bytes]:
        """Return status and body of the response to a request of a caller."""
        try:
            response = self._perform(operation, json.loads(body or b"{}"), caller)
        except ServiceError as error:
            return 400, json.dumps({"__type": error.code, "message": error.message}).encode()
        return 200, json.dumps(response).encode()

    def _perform(self, operation: str, request: dict, caller: Caller) -> dict:
        if operation not in self._operations:
            raise ValidationError(f"The embedded Application Auto Scaling has no operation {operation!r}")
        shapes.check(operation, request, SERVICE)
        _check_supported(request)
        _require(caller, f"{SERVICE}:{operation}", _resource_arn(caller, request), SERVICE)
        return self._operations[operation](caller, request)

    def _register(self, caller: Caller, request: dict) -> dict:
        _require_dependencies(caller, request)
        with self._registry.lock:
            old = self._registry.find(caller, ScalableTarget, make_name(request["ResourceId"]))
            if old is None:
                self._check_endpoint(caller, request)
                _require_linked_role(caller, bool(self._registry.list(caller, ScalableTarget)))
            merged = (old.request if old else {}) | {key: value for key, value in request.items() if key != "Tags"}
            _check_bounds(merged)
            if old:
                old.request = merged
            target = old or ScalableTarget(
                arn=_resource_arn(caller, request),
                request=merged,
                account=caller.account,
                region=caller.region,
                tags=request.get("Tags", {}),
            )
            self._registry.add(target)
        return {"ScalableTargetARN": target.arn}

    def _check_endpoint(self, caller: Caller, request: dict) -> None:
        match = RESOURCE.fullmatch(request["ResourceId"])
        endpoint = self._registry.find(caller, Endpoint, match["endpoint"])
        if endpoint is None or match["variant"] not in endpoint.release.variants:
            raise ValidationError(f"There is no variant {request['ResourceId']}.")

    def _describe_targets(self, caller: Caller, request: dict) -> dict:
        wanted = request.get("ResourceIds")
        targets = self._registry.list(caller, ScalableTarget)
        return {"ScalableTargets": [each.describe() for each in targets if not wanted or each.resource in wanted]}

    def _deregister(self, caller: Caller, request: dict) -> dict:
        with self._registry.lock:
            target = self._find_target(caller, request)
            for policy in self._registry.list(caller, ScalingPolicy):
                if policy.resource == target.resource:
                    self._registry.remove(policy)
            self._registry.remove(target)
        return {}

    def _put_policy(self, caller: Caller, request: dict) -> dict:
        decisions.check(request)
        _require_dependencies(caller, request)
        _require_alarms(caller, request)
        with self._registry.lock:
            self._find_target(caller, request)
            kind = request.get("PolicyType", "StepScaling")
            name = make_name(request["ResourceId"], request["PolicyName"])
            policy = ScalingPolicy(
                arn=f"arn:aws:autoscaling:{caller.region}:{caller.account}:scalingPolicy:{name}:resource/sagemaker/"
                f"{request['ResourceId']}:policyName/{request['PolicyName']}",
                request=request | {"PolicyType": kind},
                account=caller.account,
                region=caller.region,
            )
            self._registry.add(policy)
        return {"PolicyARN": policy.arn, "Alarms": []}

    def _describe_policies(self, caller: Caller, request: dict) -> dict:
        names, resource = request.get("PolicyNames"), request.get("ResourceId")
        policies = [
            each.describe()
            for each in self._registry.list(caller, ScalingPolicy)
            if (not names or each.request["PolicyName"] in names) and resource in (None, each.resource)
        ]
        return {"ScalingPolicies": policies}

    def _delete_policy(self, caller: Caller, request: dict) -> dict:
        name = make_name(request["ResourceId"], request["PolicyName"])
        policy = self._registry.find(caller, ScalingPolicy, name)
        if policy is None:
            raise NotFoundError(f"No scaling policy found for resource {request['ResourceId']}")
        self._registry.remove(policy)
        return {}

    def _describe_activities(self, caller: Caller, request: dict) -> dict:
        targets = self._registry.list(caller, ScalableTarget)
        wanted = [each for each in targets if request.get("ResourceId") in (None, each.resource)]
        activities = [activity for each in wanted for activity in each.activities]
        return {"ScalingActivities": sorted(activities, key=lambda each: each["StartTime"], reverse=True)}

    def _find_target(self, caller: Caller, request: dict) -> ScalableTarget:
        target = self._registry.find(caller, ScalableTarget, make_name(request["ResourceId"]))
        if target is None:
            raise NotFoundError(f"No scalable target registered for {request['ResourceId']}")
        return target


def _check_supported(request: dict) -> None:
    resource = request.get("ResourceId")
    if request["ServiceNamespace"] != "sagemaker" or request.get("ScalableDimension", DIMENSION) != DIMENSION:
        raise ValidationError("Only the instance count of SageMaker's variants is supported by the embedded AWS.")
    if resource is not None and not RESOURCE.fullmatch(resource):
        raise ValidationError(f"Unsupported resource id {resource}: endpoint/NAME/variant/NAME is expected.")


def _check_bounds(request: dict) -> None:
    if "MinCapacity" not in request or "MaxCapacity" not in request:
        raise ValidationError("MinCapacity and MaxCapacity must be specified for a new scalable target.")
    if not 0 <= request["MinCapacity"] <= request["MaxCapacity"]:
        raise ValidationError("MinCapacity must be 0 or greater, and not greater than MaxCapacity.")


def _resource_arn(caller: Caller, request: dict) -> str:
    if "ResourceId" not in request:
        return "*"
    return f"arn:aws:{SERVICE}:{caller.region}:{caller.account}:scalable-target/{make_name(request['ResourceId'])}"


def _require_dependencies(caller: Caller, request: dict) -> None:
    """Check what the service checks before it acts for a caller: that the caller may scale the endpoint itself."""
    arn = caller.make_arn("endpoint", RESOURCE.fullmatch(request["ResourceId"])["endpoint"])
    for action in ON_ENDPOINT:
        _require(caller, f"sagemaker:{action}", arn)


def _require_alarms(caller: Caller, request: dict) -> None:
    """Check the permissions on the alarms that the service makes for a target tracking policy."""
    if request.get("PolicyType") == "TargetTrackingScaling":
        name = f"TargetTracking-{request['ResourceId']}-AlarmHigh-{uuid.uuid4()}"
        for action in ON_ALARMS:
            _require(
                caller, f"cloudwatch:{action}", f"arn:aws:cloudwatch:{caller.region}:{caller.account}:alarm:{name}"
            )


def _require_linked_role(caller: Caller, exists: bool) -> None:
    """Check the permission to create the service-linked role, which comes with the first target of an account."""
    if not exists:
        _require(caller, "iam:CreateServiceLinkedRole", f"arn:aws:iam::{caller.account}:role/{LINKED_ROLE}")


def _require(caller: Caller, action: str, resource: str, service: str | None = None) -> None:
    who = (caller.access_key, caller.account, caller.region)
    context = {
        "iam:AWSServiceName": f"sagemaker.{SERVICE}.amazonaws.com",
        f"{SERVICE}:service-namespace": "sagemaker",
        f"{SERVICE}:scalable-dimension": DIMENSION,
    }
    refusal = caller.iam.call("find_refusal", who, action, resource, context, service or action.partition(":")[0])
    if refusal is not None:
        raise AccessDeniedError(refusal)
