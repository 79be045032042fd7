"""Start a monitoring job for what was predicted since the last one, and report its findings when it has ended.

The ledger's position `monitor` holds the last job and the time until which it reads. A job is recorded there before it
is created, so a crash leaves a job that the next schedule creates; a lost event leaves one that the next schedule
reports.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seqdrop import clock
from seqdrop.aws import keys
from seqdrop.errors import JobRefusedError, RetryableError
from seqdrop.ledger.records import EXAMINE
from seqdrop.models.code_bundles import current_code
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import iso
from seqdrop.sagemaker.client import Description, create, describe, exists
from seqdrop.sagemaker.requests.monitoring import monitoring_request
from seqdrop.sagemaker.spend import Fleet
from seqdrop.stages.hourly_spend import INSTANCE_TYPE, MONITORING, STARTED, add_dollars, cost, hours_of
from seqdrop.stages.monitor.collection import collect
from seqdrop.stages.monitor.reporting import mail_failure, report_findings

if TYPE_CHECKING:
    from seqdrop.ledger.coordination import Position
    from seqdrop.runtime.services import Services
    from seqdrop.stages.monitor.brief import MonitoringBrief

POSITION = MONITORING  # in the ledger
JOB, SINCE, UNTIL, REPORTED, MAILING = "job", "since", "until", "reported", "mailing"
PREFIX = "seqdrop-monitor-"
MOST_DAYS = 13  # shards and captured requests expire after 14 days
DELAY = timedelta(seconds=10)  # the index of states is eventually consistent


def monitor(services: Services, ended: str) -> None:
    """Report the job that has ended; without one (""), start the next job."""
    if ended:
        finish_monitoring(services, ended)
    else:
        start_monitoring(services)


def start_monitoring(services: Services) -> None:
    """Start the next job, unless one runs or there is nothing new. Report the last job first if that was not done.

    Raise RetryableError if SageMaker has no capacity now. If no code was pushed, the lab gets a mail that says what to
    do.
    """
    position = services.ledger.position(POSITION)
    if _is_open(position):
        finish_monitoring(services, position.place[JOB])
        position = services.ledger.position(POSITION)
        if _is_open(position):
            return
    since, until = _span(position)
    brief = collect(services, since, until)
    if not brief["subjects"] and not brief["unusable"]:
        services.ledger.save(replace(position, place={**position.place, UNTIL: until}))
        return
    name = job_name(services.settings.results, until)
    services.put_json(services.settings.work, keys.job_request(name), brief)
    place = {JOB: name, SINCE: since, UNTIL: until, REPORTED: position.place.get(REPORTED, "")}
    place |= {STARTED: iso(clock.utc_now()), INSTANCE_TYPE: services.settings.processing_instance_type}
    place |= hours_of(position.place, clock.utc_now())
    if not services.ledger.save(replace(position, place=place)):
        raise RetryableError("another invocation starts a monitoring job at this moment")
    _create(services, name)


def finish_monitoring(services: Services, name: str) -> None:
    """Report the findings of a job that has ended. Create it if a crash prevented that. Do nothing while it runs.

    A job that is not the last one was reported, or belongs to another stack.
    """
    position = services.ledger.position(POSITION)
    if position.place.get(JOB) != name or not _is_open(position):
        return
    if not exists(services.sagemaker, EXAMINE, name):
        _create(services, name)
        return
    description = describe(services.sagemaker, EXAMINE, name)
    if description.end is None:
        return
    # Claimed before the mail, so that of two deliveries at the same moment one sends it. It is sent twice only if a
    # function dies between the mail and the last write.
    if not services.ledger.save(replace(position, place={**position.place, MAILING: name})):
        raise RetryableError("another invocation reports this monitoring job at this moment")
    if description.end == "DONE":
        report_findings(services, _brief(services, name))
    else:
        mail_failure(services, name, description.reason)
    _close(services, is_done=description.end == "DONE", dollars=_dollars(description))


def job_name(results: str, until: str) -> str:
    """Return `seqdrop-monitor-<8 digits of the stack>-<time>`. The results bucket identifies the stack."""
    digits = hashlib.sha256(results.encode()).hexdigest()[:8]
    return f"{PREFIX}{digits}-{''.join(filter(str.isdigit, until[:19]))}"


def _is_open(position: Position) -> bool:
    job = position.place.get(JOB, "")
    return bool(job) and position.place.get(REPORTED) != job


def _span(position: Position) -> tuple[str, str]:
    """Return the time since the last job, but no longer than the work bucket keeps objects; a day at first."""
    until = clock.utc_now() - DELAY
    since = datetime.fromisoformat(position.place[UNTIL]) if UNTIL in position.place else until - timedelta(days=1)
    return iso(max(since, until - timedelta(days=MOST_DAYS))), iso(until)


def _create(services: Services, name: str) -> None:
    """Create a recorded job. It needs only its request object, so the call may be repeated after a crash."""
    try:
        code = current_code(services.s3, services.settings.models)
        request = monitoring_request(services.settings, name, code, services.s3.meta.region_name)
        is_created = create(services.sagemaker, EXAMINE, {**request})
    except JobRefusedError as error:
        _give_up(services, name, str(error))
        return
    if not is_created:
        raise RetryableError("SageMaker has no capacity for the monitoring job now")
    logger().info("job started", extra={"job": name})


def _give_up(services: Services, name: str, reason: str) -> None:
    """Close a job that cannot be created, and mail the reason; the next schedule tries again for the same time."""
    mail_failure(services, name, reason)
    _close(services, is_done=False, dollars=0.0)


def _dollars(description: Description) -> float:
    """Return what a job that has ended cost, as an upper bound: from its creation."""
    response, now = description.response, clock.utc_now()
    return cost(Fleet.of(response).instance_type, response["CreationTime"], response.get("ProcessingEndTime", now))


def _close(services: Services, *, is_done: bool, dollars: float) -> None:
    """Record that the last job was reported, and what it cost. If it failed, the next one reads its time again."""
    position = services.ledger.position(POSITION)
    place = add_dollars({**position.place, REPORTED: position.place[JOB], STARTED: ""}, dollars, clock.utc_now())
    if not is_done:
        place[UNTIL] = position.place[SINCE]
    services.ledger.save(replace(position, place=place))


def _brief(services: Services, name: str) -> MonitoringBrief:
    body = services.s3.get_object(Bucket=services.settings.work, Key=keys.job_request(name))["Body"]
    brief: MonitoringBrief = json.loads(body.read())
    return brief
