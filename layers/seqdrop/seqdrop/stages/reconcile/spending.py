"""What the jobs and endpoints of the last 24 hours cost, from the ledger: AWS's own bill is hours behind.

A job is counted from its start to its end, or until now, at the price on demand of its instances. That is an upper
bound: SageMaker bills from the time at which an instance runs, and a spot instance costs less. A job whose price is not
known is not counted.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.aws.prices import hourly_price
from seqdrop.ledger.moves import ENDS, JOB
from seqdrop.ledger.records import ASYNC, WORKFLOW
from seqdrop.runtime.isolation import try_each
from seqdrop.runtime.services import iso
from seqdrop.sagemaker.spend import Fleet
from seqdrop.stages.hourly_spend import sum_recorded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.ledger.records import Job
    from seqdrop.runtime.services import Services

WINDOW = timedelta(days=1)


def sum_dollars(services: Services) -> float:
    """Return the US dollars of all jobs and endpoints within the last 24 hours.

    A job whose record cannot be read is left out.
    """
    until = clock.utc_now()
    dollars = try_each(
        _jobs(services, until), lambda job: _dollars(services, job, until), lambda job: {"job": job.name}
    )
    return round(sum(dollars.results) + sum_recorded(services, until), 4)


def _jobs(services: Services, until: datetime) -> Iterator[Job]:
    yield from services.ledger.in_state(JOB, "STARTED")
    for state in sorted(ENDS[JOB]):
        yield from services.ledger.in_state(JOB, state, iso(until), iso(until - WINDOW))


def _dollars(services: Services, job: Job, until: datetime) -> float:
    if job.task in (ASYNC, WORKFLOW):
        return 0.0  # an endpoint costs money, and is counted as such; HealthOmics has its own bill
    fleet = Fleet.of(json.loads(job.request), services.settings.instance_price)
    price = hourly_price(fleet.instance_type, fleet.price)
    if price is None or "STARTED" not in job.timeline:
        return 0.0
    ended = until if job.state == "STARTED" else datetime.fromisoformat(job.timeline[job.state])
    began = max(datetime.fromisoformat(job.timeline["STARTED"]), until - WINDOW)
    return max((ended - began).total_seconds(), 0.0) / 3600 * price * fleet.count
