"""Stop an endpoint in real time that had no request for `idle_hours`: its instances cost money all the time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.aws.cloudwatch import sum_of
from seqdrop.ledger.endpoint_record import IDLE
from seqdrop.sagemaker.endpoints import IN_SERVICE
from seqdrop.sagemaker.requests.endpoint_alarms import dimensions_of
from seqdrop.stages.serve.endpoint_records import save
from seqdrop.stages.serve.mails import idle_mail, send_stored

if TYPE_CHECKING:
    from seqdrop.ledger.endpoint_record import EndpointRecord
    from seqdrop.runtime.services import Services
    from seqdrop.sagemaker.endpoints import EndpointState
    from seqdrop.sagemaker.serving import Serving


def stop_idle(services: Services, serving: Serving, state: EndpointState | None, record: EndpointRecord) -> bool:
    """Record that an idle endpoint must be deleted, and mail it; return False if the endpoint is not idle.

    A person's `seqdrop endpoint start` takes the record back. Raise RetryableError if another invocation changes the
    record at this moment.
    """
    if state is None or state.status != IN_SERVICE or not _is_idle(services, serving, state):
        return False
    stopped = save(services, idle_mail(serving).add_to(replace(record, stopped=IDLE, by="")))
    send_stored(services, stopped)
    return True


def _is_idle(services: Services, serving: Serving, state: EndpointState) -> bool:
    now = clock.utc_now()
    if not serving.idle_hours or now - datetime.fromisoformat(state.created) < timedelta(hours=serving.idle_hours):
        return False
    dimensions = dimensions_of(serving.name)
    return sum_of(services.cloudwatch, "Invocations", dimensions, serving.idle_hours, now) == 0
