"""Add up what the instances of endpoints cost, for the figure of the last 24 hours."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.aws.prices import hourly_price
from seqdrop.runtime.services import iso
from seqdrop.stages.hourly_spend import ENDPOINTS, add_dollars

if TYPE_CHECKING:
    from seqdrop.runtime.services import Services
    from seqdrop.sagemaker.endpoints import EndpointState
    from seqdrop.sagemaker.serving import Serving

SINCE, RATE = "since", "rate"  # the time of the last look, and the dollars of an hour then


class Meter:
    """The dollars of an hour of all endpoints that one look has seen."""

    def __init__(self) -> None:
        self.rate = 0.0

    def read(self, serving: Serving, state: EndpointState) -> None:
        """Add an endpoint. One whose price is not known is not counted."""
        self.rate += state.instances * (hourly_price(serving.instance_type) or 0.0)

    def record(self, services: Services) -> None:
        """Add the cost since the last look to the ledger: at the rate of then or of now, whichever is higher.

        If another invocation records a look at the same moment, one of the two counts.
        """
        position = services.ledger.position(ENDPOINTS)
        place, now = position.place, clock.utc_now()
        before = float(place.get(RATE, 0))
        if not before and not self.rate:
            return
        hours = (now - datetime.fromisoformat(place[SINCE])).total_seconds() / 3600 if SINCE in place else 0.0
        dollars = max(hours, 0.0) * max(before, self.rate) if before else 0.0
        added = add_dollars(place, dollars, now)
        services.ledger.save(replace(position, place={**added, SINCE: iso(now), RATE: f"{self.rate:.6f}"}))
