"""Scalable targets and scaling policies, which survive when the service is killed."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from local.sagemaker.resources import StoredResource

RESOURCE = re.compile(r"endpoint/(?P<endpoint>[^/]+)/variant/(?P<variant>[^/]+)")
DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@dataclass(kw_only=True)
class VariantResource(StoredResource):
    """What belongs to a variant of an endpoint."""

    @property
    def resource(self) -> str:
        """The variant, as `endpoint/NAME/variant/NAME`."""
        return self.request["ResourceId"]

    @property
    def name(self) -> str:
        """A name that is unique in the account and valid for files."""
        return make_name(self.resource)


@dataclass(kw_only=True)
class ScalableTarget(VariantResource):
    """A variant whose number of instances policies may change. `cooled` are the ends of the cooldowns, in and out."""

    kind = "ScalableTarget"

    activities: list[dict] = field(default_factory=list)
    cooled_in: float = 0
    cooled_out: float = 0

    @property
    def endpoint(self) -> str:
        """The name of the endpoint."""
        return RESOURCE.fullmatch(self.resource)["endpoint"]

    @property
    def variant(self) -> str:
        """The name of the variant."""
        return RESOURCE.fullmatch(self.resource)["variant"]

    def bound(self, capacity: int) -> int:
        """Return the number of instances within the target's bounds that is nearest to `capacity`."""
        return max(self.request["MinCapacity"], min(self.request["MaxCapacity"], capacity))

    def describe(self) -> dict:
        """Return the target in the form of DescribeScalableTargets."""
        suspended = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
        service = "arn:aws:iam::{}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/{}"
        return {
            "ServiceNamespace": "sagemaker",
            "ResourceId": self.resource,
            "ScalableDimension": DIMENSION,
            "MinCapacity": self.request["MinCapacity"],
            "MaxCapacity": self.request["MaxCapacity"],
            "RoleARN": service.format(self.account, "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"),
            "CreationTime": self.created,
            "SuspendedState": dict.fromkeys(suspended, False) | self.request.get("SuspendedState", {}),
            "ScalableTargetARN": self.arn,
        }


@dataclass(kw_only=True)
class ScalingPolicy(VariantResource):
    """A rule by which a target's number of instances changes."""

    kind = "ScalingPolicy"

    @property
    def name(self) -> str:
        """A name that is unique in the account and valid for files."""
        return make_name(self.resource, self.request["PolicyName"])

    def describe(self) -> dict:
        """Return the policy in the form of DescribeScalingPolicies."""
        return self.request | {"PolicyARN": self.arn, "CreationTime": self.created, "Alarms": []}


def make_name(*parts: str) -> str:
    """Return a digest of names that may have any characters."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
