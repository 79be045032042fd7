"""Validated uploads wait: make jobs of those that share an analysis, as many as there is room for, and start them."""

from __future__ import annotations

import json
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.errors import JobRefusedError
from seqdrop.kinds.plans import plan_of
from seqdrop.ledger.moves import ATTEMPT
from seqdrop.ledger.records import TRANSFORM, Attempt, Job
from seqdrop.models.archives import current_archive, model_request
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import create, create_model
from seqdrop.sagemaker.grouping import group_attempts, take_turns
from seqdrop.sagemaker.names import job_name
from seqdrop.sagemaker.requests.transform import manifest, transform_request
from seqdrop.stages.backoff import is_due, postpone
from seqdrop.stages.job_slots import claim, count_free_slots, end_job
from seqdrop.stages.outcomes import fail_attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from seqdrop.runtime.services import Services

MOST_IN_LINE = 5000  # attempts that are looked at to be fair between runs


def start_transform(services: Services, attempt_keys: Iterable[str], job_names: Iterable[str] = ()) -> set[str]:
    """Put PLANNED attempts, and those that wait for room, into jobs; start the named jobs, and those that a crash left
    unstarted. What there is no room for waits in the ledger.

    Answers the keys and names of those that must be tried again. One group's trouble does not touch another's.
    """
    found = [services.ledger.find_attempt(key) for key in sorted(set(attempt_keys))]
    attempts = [attempt for attempt in found if attempt]
    unstarted = {name: [name] for name in job_names}
    for attempt in attempts:
        if attempt.state == "SUBMITTED":
            unstarted.setdefault(attempt.job, []).append(attempt.key)
    again: set[str] = set()
    for name, members in unstarted.items():
        again |= _tried(members, partial(launch, services, name))
    return again | _fill(services, [attempt for attempt in attempts if attempt.state == "PLANNED"])


def _tried(members: list[str], step: Callable[[], None]) -> set[str]:
    """Take a step. Return the keys or names it was for if it raised, else nothing."""
    try:
        step()
    except Exception:
        logger().exception("group failed", extra={"members": members})
        return set(members)
    return set()


def _fill(services: Services, planned: list[Attempt]) -> set[str]:
    """Fill the room with jobs, and let the rest wait. Who waits already takes turns with who comes now."""
    free = count_free_slots(services)
    line = islice(services.ledger.in_state(ATTEMPT, "WAITING"), MOST_IN_LINE) if free else []
    again: set[str] = set()
    for number, members in enumerate(group_attempts(take_turns([*planned, *line]))):
        step = _start if number < free else _park
        again |= _tried([member.key for member in members], partial(step, services, members))
    return again


def _start(services: Services, members: list[Attempt]) -> None:
    try:
        job = claim(services, members, partial(_plan, services))
    except JobRefusedError as error:
        for member in members:
            fail_attempt(services, member, str(error))
        return None
    if job:
        return launch(services, job.name)
    _park(services, members)
    return None


def _park(services: Services, members: list[Attempt]) -> None:
    """Let those wait that do not yet; the end of a job, or the reconciler, has them looked at again."""
    for member in members:
        if member.state == "PLANNED":
            services.ledger.move(member, "WAITING")


def _plan(services: Services, members: list[Attempt]) -> Job:
    analysis = plan_of(members[0])
    archive = current_archive(services.s3, services.settings.results, analysis.model)
    analysis.kind.check_archive(archive, analysis)
    model = model_request(services.settings, archive, analysis.job.max_payload_mb)
    name = job_name(members)
    request = transform_request(services.settings, analysis, name, model["ModelName"], members)
    return Job(
        "PLANNED",
        name=name,
        analysis=analysis.name,
        members=[member.key for member in members],
        request=json.dumps(request, sort_keys=True),
        tags={tag["Key"]: tag["Value"] for tag in request["Tags"]},
        model=archive.model,
        model_key=archive.key,
        model_digest=archive.digest,
        model_request=json.dumps(model, sort_keys=True),
        calibration=archive.calibration,
    )


def launch(services: Services, name: str) -> None:
    """Start a PLANNED job that is due. All it needs is on its record, so it may be called again after any crash."""
    job = services.ledger.find_job(name)
    if job is None or job.state != "PLANNED" or not is_due(job):
        return None
    members = [services.ledger.find_attempt(key) for key in job.members]
    try:
        listed = manifest(services.settings, members)
        services.put_json(services.settings.work, keys.job_manifest(job.name), listed)
        started = _create(services.sagemaker, job)
    except JobRefusedError as error:
        for member in members:
            fail_attempt(services, member, str(error))
        return end_job(services, job, "FAILED", reason=str(error)[:1000])
    if not started:
        return postpone(services, job)
    services.ledger.move(job, "STARTED")
    logger().info("job started", extra={"job": job.name, "members": len(members)})
    return None


def _create(sagemaker, job: Job) -> bool:
    """Create a job and its model.

    Return False if there is no room; raise JobRefusedError if SageMaker never takes one.
    """
    return create_model(sagemaker, json.loads(job.model_request)) and create(
        sagemaker, TRANSFORM, json.loads(job.request)
    )
