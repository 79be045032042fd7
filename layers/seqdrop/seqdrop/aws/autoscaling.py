"""The operations of Application Auto Scaling that are used; boto3-stubs for it are not among the requirements.

https://docs.aws.amazon.com/autoscaling/application/APIReference/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Required, TypedDict

from botocore.exceptions import ClientError

from seqdrop.aws.errors import code_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GONE = "ObjectNotFoundException"


class Dimension(TypedDict):
    """What names a number that scales: the service, the resource, and which of its numbers."""

    ServiceNamespace: str
    ResourceId: str
    ScalableDimension: str


class TargetRequest(Dimension):
    """A RegisterScalableTarget request."""

    MinCapacity: int
    MaxCapacity: int


class PolicyRequest(Dimension, total=False):
    """A PutScalingPolicy request; it has the configuration of its type."""

    PolicyName: Required[str]
    PolicyType: Required[str]
    TargetTrackingScalingPolicyConfiguration: Mapping[str, object]
    StepScalingPolicyConfiguration: Mapping[str, object]


class AutoScalingClient(Protocol):
    """The client `application-autoscaling`."""

    def register_scalable_target(self, **request: object) -> object:
        """Set the bounds of a number."""

    def put_scaling_policy(self, **request: object) -> dict[str, Any]:
        """Create or replace a policy; return its `PolicyARN`."""

    def deregister_scalable_target(self, **request: object) -> object:
        """Remove a target with its policies and the alarms that these made."""


def scale(client: AutoScalingClient, target: TargetRequest, policies: Iterable[PolicyRequest]) -> dict[str, str]:
    """Register a target and put its policies; return the ARN of each policy by its name."""
    client.register_scalable_target(**target)
    return {policy["PolicyName"]: client.put_scaling_policy(**policy)["PolicyARN"] for policy in policies}


def stop_scaling(client: AutoScalingClient, dimension: Dimension) -> None:
    """Remove a target with its policies, if there is one."""
    try:
        client.deregister_scalable_target(**dimension)
    except ClientError as error:
        if code_of(error) != GONE:
            raise
