"""Job state changes, put down and as EventBridge delivers them."""

import json
import logging

from local.calls import CallError, Remote, UnreachableError
from local.sagemaker.registry import Job, Registry

logger = logging.getLogger("local.sagemaker")


class Moves:
    """Told of each move of a job: it is remembered, and only then put on the default bus."""

    def __init__(self, registry: Registry, account: Remote):
        self._registry, self._account = registry, account

    def __call__(self, job: Job) -> None:
        """Save and announce the state the job has now.

        A failure to announce is no concern of the job's: EventBridge promises no delivery either.
        """
        self._registry.save(job)
        try:
            self._account.call("put_event", event(job), job.account, job.region)
        except (CallError, UnreachableError):
            logger.exception("no event for %s %s", job.name, job.status)


def event(job: Job) -> dict:
    """The entry for PutEvents; times are whole milliseconds since 1970, as AWS sends them."""
    detail = _with_times(job.described()) | {"Tags": dict(job.tags)}
    return {
        "Source": "aws.sagemaker",
        "DetailType": f"SageMaker {job.kind} Job State Change",
        "Resources": [job.arn],
        "Detail": json.dumps(detail),
        "EventBusName": "default",
    }


def _with_times(value, name: str = ""):
    """The same with every time in whole milliseconds, however deep."""
    if isinstance(value, dict):
        return {key: _with_times(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_times(one) for one in value]
    is_time = name.endswith("Time") or name == "Timestamp"
    return int(value * 1000) if is_time and isinstance(value, float) else value
