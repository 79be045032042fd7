"""State changes of jobs: stored, then announced in the form in which EventBridge delivers them."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

from local.calls import CallError, UnreachableError
from local.sagemaker.endpoints.records import Endpoint

if TYPE_CHECKING:
    from local.calls import Remote
    from local.sagemaker.job_records import Job
    from local.sagemaker.registry import Registry

logger = logging.getLogger("local.sagemaker")


class StateChanges:
    """Records each state change of a job in the store, and only then puts an event on the default bus."""

    def __init__(self, registry: Registry, account: Remote) -> None:
        self._registry, self._account = registry, account

    def __call__(self, job: Job | Endpoint) -> None:
        """Save and announce the current state of the job.

        A failure to announce it does not fail the job: EventBridge does not guarantee delivery either.
        """
        self._registry.save(job)
        self._put(job, make_event(job))

    def announce_deployment(self, endpoint: Endpoint) -> None:
        """Save and announce a step of an endpoint's deployment."""
        self._registry.save(endpoint)
        event = make_event(endpoint)
        self._put(endpoint, event | {"DetailType": "SageMaker Endpoint Deployment State Change"})

    def _put(self, job: Job | Endpoint, event: dict) -> None:
        try:
            self._account.call("put_event", event, job.account, job.region)
        except (CallError, UnreachableError):
            logger.exception("no event for %s %s", job.name, job.status)


def make_event(job: Job | Endpoint) -> dict:
    """Return the entry for PutEvents; times are whole milliseconds since 1970, as AWS sends them."""
    detail = _with_milliseconds(job.describe()) | {"Tags": dict(job.tags)}
    if isinstance(job, Endpoint):
        # Unlike DescribeEndpoint, events write IN_SERVICE and ROLLING_BACK.
        detail["EndpointStatus"] = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", job.status).upper()
    return {
        "Source": "aws.sagemaker",
        "DetailType": f"SageMaker {_describe_kind(job)} State Change",
        "Resources": [job.arn],
        "Detail": json.dumps(detail),
        "EventBusName": "default",
    }


def _describe_kind(resource: Job | Endpoint) -> str:
    return resource.kind if isinstance(resource, Endpoint) else f"{resource.kind} Job"


def _with_milliseconds(value: object, name: str = "") -> object:
    """Return a JSON value with every time in it, at any depth, in whole milliseconds."""
    if isinstance(value, dict):
        return {key: _with_milliseconds(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_with_milliseconds(member) for member in value]
    is_time = name.endswith("Time") or name == "Timestamp"
    return int(value * 1000) if is_time and isinstance(value, float) else value
