"""Write the records of endpoints. Each write has the condition that no other invocation has changed the record."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seqdrop.errors import RetryableError

if TYPE_CHECKING:
    from seqdrop.ledger.endpoint_record import EndpointRecord
    from seqdrop.runtime.services import Services


def save(services: Services, record: EndpointRecord) -> EndpointRecord:
    """Write a record; return it as it is stored. Raise RetryableError if another invocation has changed it."""
    if not services.ledger.save(record):
        raise RetryableError(f"another invocation changes the record of the endpoint {record.name}")
    return replace(record, revision=record.revision + 1)
