"""The alarms and the scaling that belong to an endpoint, outside of SageMaker."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from seqdrop.aws.autoscaling import scale, stop_scaling
from seqdrop.sagemaker.requests.endpoint_alarms import alarm_names, alarm_requests, backlog_alarm
from seqdrop.sagemaker.requests.scaling import FIRST, dimension, policy_requests, target_request

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services
    from seqdrop.sagemaker.serving import Serving


def put_alarms(services: Services, serving: Serving) -> None:
    """Create the alarms that roll back an update, or replace them."""
    for alarm in alarm_requests(services.settings, serving):
        services.cloudwatch.put_metric_alarm(**alarm)


def apply(services: Services, serving: Serving) -> None:
    """Apply the alarms and the scaling of an endpoint in service."""
    put_alarms(services, serving)
    if serving.scales:
        _scale(services, serving)
    else:
        stop_scaling(services.autoscaling, dimension(serving.name))


def _scale(services: Services, serving: Serving) -> None:
    policies = scale(services.autoscaling, target_request(serving), policy_requests(serving))
    if FIRST in policies:
        services.cloudwatch.put_metric_alarm(**backlog_alarm(serving, policies[FIRST]))


def digest(services: Services, serving: Serving) -> str:
    """Return the digest of the alarms and the scaling that an endpoint should have."""
    content = [alarm_requests(services.settings, serving), target_request(serving), policy_requests(serving)]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def remove_alarms_and_scaling(services: Services, endpoint: str) -> None:
    """Remove everything that `apply` may have created."""
    stop_scaling(services.autoscaling, dimension(endpoint))
    services.cloudwatch.delete_alarms(AlarmNames=alarm_names(endpoint))
