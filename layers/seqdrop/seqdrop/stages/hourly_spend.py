"""What costs money without a job in the ledger: endpoints, and monitoring jobs.

Their dollars are added up by the hour in which they were noticed, in the place of a position of the ledger: serve adds
those of endpoints at each look, and monitor those of a job when it has ended. The reconciler adds them to the figure of
the last 24 hours.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop.aws.prices import hourly_price
from seqdrop.runtime.services import iso

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.runtime.services import Services

ENDPOINTS, MONITORING = "endpoint spend", "monitor"  # names of the positions
HOUR = "usd "  # begins the names of sums; the hour follows, such as 2026-12-01T18
STARTED, INSTANCE_TYPE = "started", "instance_type"  # of the monitoring job that runs
WINDOW = timedelta(days=1)


def add_dollars(place: Mapping[str, str], dollars: float, at: datetime) -> dict[str, str]:
    """Return a place with these dollars in the hour of `at`, and without the hours before the last 24."""
    kept = {name: value for name, value in place.items() if not name.startswith(HOUR)} | hours_of(place, at)
    name = HOUR + iso(at)[:13]
    return {**kept, name: f"{float(kept.get(name, 0)) + dollars:.6f}"} if dollars else kept


def hours_of(place: Mapping[str, str], at: datetime) -> dict[str, str]:
    """Return the sums of a place that lie in the 24 hours before `at`; the first hour counts as a whole."""
    first = HOUR + iso(at - WINDOW)[:13]
    return {name: value for name, value in place.items() if name.startswith(HOUR) and name >= first}


def cost(instance_type: str, began: datetime, ended: datetime) -> float:
    """Return the dollars of an instance between two times; 0 if its price is not known."""
    return max((ended - began).total_seconds(), 0.0) / 3600 * (hourly_price(instance_type) or 0.0)


def sum_recorded(services: Services, until: datetime) -> float:
    """Return the dollars of endpoints and of monitoring jobs in the last 24 hours, the one that runs included."""
    places = [services.ledger.position(name).place for name in (ENDPOINTS, MONITORING)]
    dollars = sum(float(value) for place in places for value in hours_of(place, until).values())
    if started := places[1].get(STARTED):
        began = max(datetime.fromisoformat(started), until - WINDOW)
        dollars += cost(places[1].get(INSTANCE_TYPE, ""), began, until)
    return dollars
