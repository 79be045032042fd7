"""Endpoints and their configurations at SageMaker: read, create, update, delete.

Every call can be repeated. What exists already was made by the same request: the name of a configuration has a digest,
and an endpoint is asked for its configuration before it is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_invalid, is_limit, is_taken, is_throttle, is_unknown_job, message_of
from seqdrop.errors import JobRefusedError, RetryableError
from seqdrop.sagemaker.endpoint_names import configuration_prefix, is_configuration_of
from seqdrop.sagemaker.tags import PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import (
        CreateEndpointConfigInputTypeDef,
        CreateEndpointInputTypeDef,
        DescribeEndpointOutputTypeDef,
        UpdateEndpointInputTypeDef,
    )

IN_SERVICE, FAILED, STUCK = "InService", "Failed", "UpdateRollbackFailed"
SETTLED = frozenset({IN_SERVICE, FAILED, STUCK, "OutOfService"})
"""Statuses in which SageMaker accepts changes; in all others it makes one."""


class EndpointBusyError(RetryableError):
    """SageMaker is changing the endpoint, or has no capacity now; the same call succeeds later."""

    wait = 120


@dataclass(frozen=True)
class EndpointState:
    """What SageMaker says of an endpoint. Times are ISO 8601; `configuration` is "" if it never had a working one.

    `pending` is the configuration of the creation or update in progress; "" if there is none.
    """

    name: str
    arn: str
    status: str
    configuration: str
    created: str
    modified: str
    instances: int = 0
    reason: str = ""
    pending: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether SageMaker accepts changes."""
        return self.status in SETTLED


def describe_endpoint(sagemaker: SageMakerClient, name: str) -> EndpointState | None:
    """Return the state of an endpoint; None if there is none."""
    try:
        response = sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        if is_unknown_job(error):
            return None
        raise
    return _state(response)


def _state(response: DescribeEndpointOutputTypeDef) -> EndpointState:
    variants = response.get("ProductionVariants", [])
    return EndpointState(
        name=response["EndpointName"],
        arn=response["EndpointArn"],
        status=response["EndpointStatus"],
        configuration=response.get("EndpointConfigName", ""),
        created=response["CreationTime"].isoformat(),
        modified=response["LastModifiedTime"].isoformat(),
        instances=sum(variant.get("CurrentInstanceCount", 0) for variant in variants),
        reason=response.get("FailureReason", ""),
        pending=response.get("PendingDeploymentSummary", {}).get("EndpointConfigName", ""),
    )


def check_owner(sagemaker: SageMakerClient, state: EndpointState, stack: str) -> None:
    """Raise JobRefusedError unless the endpoint has the tag of the stack."""
    if not is_owned(sagemaker, state.arn, stack):
        raise JobRefusedError(
            f"there is an endpoint {state.name} already, which is not of the stack {stack}: delete it, or rename the "
            "analysis"
        )


def is_owned(sagemaker: SageMakerClient, arn: str, stack: str) -> bool:
    """Return True if an endpoint has the tag of the stack."""
    tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    return any(tag["Key"] == f"{PREFIX}stack" and tag["Value"] == stack for tag in tags)


def list_owned(sagemaker: SageMakerClient, stack: str) -> list[str]:
    """Return the names of all endpoints of a stack."""
    pages = sagemaker.get_paginator("list_endpoints").paginate(NameContains=f"{stack}-")
    endpoints = [endpoint for page in pages for endpoint in page["Endpoints"]]
    own = [endpoint for endpoint in endpoints if endpoint["EndpointName"].startswith(f"{stack}-")]
    return [endpoint["EndpointName"] for endpoint in own if is_owned(sagemaker, endpoint["EndpointArn"], stack)]


def create_configuration(sagemaker: SageMakerClient, request: CreateEndpointConfigInputTypeDef) -> None:
    """Create a configuration, unless it exists. Raise JobRefusedError, or EndpointBusyError."""
    try:
        sagemaker.create_endpoint_config(**request)
    except ClientError as error:
        _check_refusal(error, "configuration")


def create_endpoint(sagemaker: SageMakerClient, request: CreateEndpointInputTypeDef) -> None:
    """Create an endpoint, unless it exists. Raise JobRefusedError, or EndpointBusyError."""
    try:
        sagemaker.create_endpoint(**request)
    except ClientError as error:
        _check_refusal(error, "endpoint")


def update_endpoint(sagemaker: SageMakerClient, request: UpdateEndpointInputTypeDef) -> None:
    """Begin an update. Raise EndpointBusyError if another one is in progress or begins at this moment."""
    try:
        sagemaker.update_endpoint(**request)
    except ClientError as error:
        _check_refusal(error, "update of the endpoint")


def _check_refusal(error: ClientError, what: str) -> None:
    """Return if the thing exists; raise EndpointBusyError or JobRefusedError, or else the error itself."""
    if is_taken(error):
        return
    if is_throttle(error) or is_limit(error) or _is_in_progress(error):
        raise EndpointBusyError(f"SageMaker makes no {what} now: {message_of(error)}") from error
    if is_invalid(error):
        raise JobRefusedError(f"SageMaker refused the {what}: {message_of(error)}") from error
    raise error


def _is_in_progress(error: ClientError) -> bool:
    """Return True if the endpoint is being changed: SageMaker says so only in its message."""
    text = message_of(error).lower()
    return is_invalid(error) and ("in-progress" in text or "in progress" in text or "cannot update" in text)


def delete_endpoint(sagemaker: SageMakerClient, name: str) -> None:
    """Delete an endpoint, if it exists and SageMaker is not changing it; its end must be awaited."""
    try:
        sagemaker.delete_endpoint(EndpointName=name)
    except ClientError as error:
        if not is_invalid(error):
            raise


def delete_configurations(sagemaker: SageMakerClient, endpoint: str, keep: Sequence[str] = ()) -> None:
    """Delete the configurations of an endpoint, except those in `keep`."""
    pages = sagemaker.get_paginator("list_endpoint_configs").paginate(NameContains=configuration_prefix(endpoint))
    names = [config["EndpointConfigName"] for page in pages for config in page["EndpointConfigs"]]
    for name in names:
        if is_configuration_of(endpoint, name) and name not in keep:
            try:
                sagemaker.delete_endpoint_config(EndpointConfigName=name)
            except ClientError as error:
                if not is_unknown_job(error):
                    raise
