"""What an endpoint serves: the model of its configuration, and whether requests reach it.

A job must know which model predicts. The endpoint's own description does not say, so its configuration and its model
are read as well, and compared with the archive and the settings that the job needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_unknown_job
from seqdrop.sagemaker.client import covers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from mypy_boto3_sagemaker.client import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointOutputTypeDef

IN_SERVICE, UPDATING = "InService", "Updating"
ENDED = frozenset({"Failed", "Deleting", "OutOfService"})  # an endpoint in such a status predicts nothing any more
DECISIVE = ("Image", "ModelDataSource")  # members of a container that must be the same


@dataclass(frozen=True)
class ServedModel:
    """The model of an endpoint's only variant. `container` is its container as SageMaker describes it."""

    endpoint: str
    configuration: str
    instance_type: str
    container: Mapping[str, Any]

    def is_of(self, container: Mapping[str, Any], environment: Mapping[str, str]) -> bool:
        """Return True if it is the archive and the image of `container`, with these settings of an analysis."""
        same = all(covers(self.container.get(member), container.get(member)) for member in DECISIVE)
        return same and covers(self.container.get("Environment"), dict(environment))


def find_served_model(sagemaker: SageMakerClient, endpoint: str) -> ServedModel | None:
    """Return what an endpoint serves; None if it does not exist, is not in service, or is getting another model.

    An endpoint that only scales is in status Updating, without a pending deployment; it takes requests.
    """
    try:
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
        if not _takes_requests(described):
            return None
        config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
        variant = config["ProductionVariants"][0]
        model = sagemaker.describe_model(ModelName=variant["ModelName"])
    except ClientError as error:
        if is_unknown_job(error):
            return None
        raise
    name, instance_type = described["EndpointConfigName"], str(variant["InstanceType"])
    return ServedModel(endpoint, name, instance_type, model["PrimaryContainer"])


def _takes_requests(described: DescribeEndpointOutputTypeDef) -> bool:
    status, pending = described["EndpointStatus"], described.get("PendingDeploymentSummary")
    if status == IN_SERVICE:
        return True
    same = not pending or pending.get("EndpointConfigName") == described.get("EndpointConfigName")
    return status == UPDATING and same


def is_lost(sagemaker: SageMakerClient, endpoint: str, since: datetime) -> bool:
    """Return True if requests that an endpoint accepted at the time `since` will never be processed.

    It was deleted, failed, or was deleted and made again: its queue is gone.
    """
    try:
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if is_unknown_job(error):
            return True
        raise
    return described["EndpointStatus"] in ENDED or described["CreationTime"] > since
