"""Job state changes as EventBridge delivers them."""

import asyncio
import json
import logging

from local.sagemaker.registry import Job

logger = logging.getLogger("local.sagemaker")


class Announcer:
    """Puts state changes on the default bus, in the order in which they are announced.

    They are put from the server's own loop: ministack's stores are not made for other threads.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop):
        self._loop = loop

    def __call__(self, job: Job) -> None:
        """Announce the state the job has now; may be called from any thread but the loop's.

        A failure is no concern of the job's: EventBridge promises no delivery either.
        """
        delivery = asyncio.run_coroutine_threadsafe(_put(event(job), job.account, job.region), self._loop)
        try:
            delivery.result(timeout=30)
        except Exception:
            logger.exception("no event for %s %s", job.name, job.status)


async def _put(entry: dict, account: str, region: str) -> None:
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    with request_scope(account, region):
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


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
