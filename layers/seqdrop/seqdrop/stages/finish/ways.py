"""Which way the predictions of an attempt were made, and what that cost, for summary.json."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypedDict

from seqdrop.aws.prices import hourly_price
from seqdrop.sagemaker.async_requests import Order
from seqdrop.sagemaker.spend import HOUR, Fleet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.runtime.services import Services

JOB_WAY: Final = "transform job"
ENDPOINT_WAY: Final = "asynchronous endpoint"


class Way(TypedDict):
    """The instances that predicted. `seconds` are those of the whole job, or from the request to the last output.

    `share` is the part of the job's work that was the upload's. `usd` is its cost by list prices; None if the time or
    the price is not known. For an endpoint it is an upper bound, as if one instance had worked for the upload alone.
    """

    way: str
    name: str
    instance_type: str
    instances: int
    seconds: float | None
    share: float
    usd: float | None


def transform_way(
    services: Services, job: Job, member: Attempt, members: list[Attempt], response: Mapping[str, Any]
) -> Way:
    """Return the way of a member of a transform job; `response` is the job's description by SageMaker."""
    fleet = _fleet_of(services, job)
    began, ended = response.get("TransformStartTime"), response.get("TransformEndTime")
    seconds = (ended - began).total_seconds() if began and ended else None
    return _make(JOB_WAY, job.name, fleet, seconds, _work(member) / max(1, sum(map(_work, members))))


def _work(member: Attempt) -> int:
    """Return what a member's share is measured by: windows, or items if an earlier version did not count windows."""
    return member.windows or member.items


def _fleet_of(services: Services, job: Job) -> Fleet:
    request = json.loads(job.request or "{}")
    if "TransformResources" not in request:
        return Fleet("", 0)
    return Fleet.of(request, services.settings.instance_price)


def endpoint_way(services: Services, job: Job, outputs: list[str]) -> Way:
    """Return the way of the member of an asynchronous job whose outputs have these keys of the work bucket."""
    order, work = Order.of(job), services.settings.work
    ended = max(services.s3.head_object(Bucket=work, Key=key)["LastModified"] for key in outputs)
    sent = datetime.fromisoformat(job.timeline.get("STARTED") or job.created_at)
    return _make(
        ENDPOINT_WAY, order.endpoint, Fleet(order.instance_type), max(0.0, (ended - sent).total_seconds()), 1.0
    )


def _make(way: str, name: str, fleet: Fleet, seconds: float | None, share: float) -> Way:
    price = hourly_price(fleet.instance_type, fleet.price)
    usd = None if seconds is None or price is None else round(seconds / HOUR * price * fleet.count * share, 6)
    return {
        "way": way,
        "name": name,
        "instance_type": fleet.instance_type,
        "instances": fleet.count,
        "seconds": None if seconds is None else round(seconds, 1),
        "share": round(share, 6),
        "usd": usd,
    }
