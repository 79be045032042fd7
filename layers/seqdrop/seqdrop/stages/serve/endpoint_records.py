"""Write the records of endpoints. Each write has the condition that no other invocation has changed the record.

Before an invocation creates anything, it writes until when it may do so. A deletion of the stack writes that there must
be no endpoints, which no later write can miss, and then waits for the invocations that had written before. So nothing
is created after it has ended.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.errors import RetryableError

if TYPE_CHECKING:
    from seqdrop.ledger.endpoint_record import EndpointRecord
    from seqdrop.runtime.services import Services


LONGEST = timedelta(minutes=3)  # no invocation of serve lasts longer: template.yaml has its timeout


def save(services: Services, record: EndpointRecord) -> EndpointRecord:
    """Write a record; return it as it is stored. Raise RetryableError if another invocation has changed it."""
    if not services.ledger.save(record):
        raise RetryableError(f"another invocation changes the record of the endpoint {record.name}")
    return replace(record, revision=record.revision + 1)


def claim(services: Services, record: EndpointRecord) -> EndpointRecord:
    """Write a record before something is created; return it as it is stored."""
    return save(services, replace(record, busy_until=(clock.utc_now() + LONGEST).isoformat()))


def is_busy(record: EndpointRecord) -> bool:
    """Return True if an invocation may still create what belongs to the endpoint."""
    return bool(record.busy_until) and datetime.fromisoformat(record.busy_until) > clock.utc_now()
