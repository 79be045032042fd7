"""Validated uploads wait: make jobs of those that share an analysis, and start them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import groupby

from seqdrop.errors import JobRefused, RetryableError
from seqdrop.jobs.models import current_archive, ensure_model, model_request
from seqdrop.jobs.names import job_name
from seqdrop.jobs.sending import send
from seqdrop.jobs.transform import job_prefix, manifest, transform_request
from seqdrop.ledger.records import Attempt, Job
from seqdrop.log import logger
from seqdrop.services import Services
from seqdrop.stages.settle import fail_attempt


def start_transform(services: Services, attempt_keys: Iterable[str], job_names: Iterable[str] = ()) -> set[str]:
    """Put each PLANNED attempt into a job; start the named jobs, and those that a crash left unstarted.

    Answers the keys and names of those that must be tried again. One group's trouble does not touch another's.
    """
    found = [services.ledger.attempt(key) for key in sorted(set(attempt_keys))]
    attempts = [attempt for attempt in found if attempt]
    waiting = {name: [name] for name in job_names}
    for attempt in attempts:
        if attempt.state == "SUBMITTED":
            waiting.setdefault(attempt.job, []).append(attempt.key)
    again: set[str] = set()
    for name, keys in waiting.items():
        again |= _tried(keys, partial(launch, services, name))
    for members in _groups([attempt for attempt in attempts if attempt.state == "PLANNED"]):
        again |= _tried([member.key for member in members], partial(_plan_and_launch, services, members))
    return again


def _tried(keys: list[str], step: Callable[[], None]) -> set[str]:
    """Take a step; answers the keys it was for if it raised."""
    try:
        step()
    except Exception:
        logger().exception("group failed", extra={"members": keys})
        return set(keys)
    return set()


def _groups(attempts: list[Attempt]) -> Iterator[list[Attempt]]:
    """Attempts whose work was cut alike may share a job."""
    for _, sharing in groupby(sorted(attempts, key=lambda a: (a.plan, a.key)), key=lambda a: a.plan):
        members = list(sharing)
        most = members[0].analysis_as_planned.job.max_members
        for first in range(0, len(members), most):
            yield members[first : first + most]


def _plan_and_launch(services: Services, members: list[Attempt]) -> None:
    try:
        job = _plan(services, members)
    except JobRefused as error:
        for member in members:
            fail_attempt(services, member.key, str(error))
        return
    if not services.ledger.claim(job, members):
        raise RetryableError(f"members of {job.name} were claimed by another run")
    launch(services, job.name)


def _plan(services: Services, members: list[Attempt]) -> Job:
    analysis = members[0].analysis_as_planned
    archive = current_archive(services.s3, services.settings.results, analysis.use.model)
    if analysis.use.task == "promoter":
        archive.check_label(analysis.use.label)
    model = model_request(services.settings, archive, analysis.job.max_payload_mb)
    name = job_name(members)
    request = transform_request(services.settings, analysis, name, model["ModelName"], members)
    return Job(
        "PLANNED",
        name=name,
        analysis=analysis.name,
        members=[member.key for member in members],
        request=json.dumps(request, sort_keys=True),
        model=archive.model,
        model_key=archive.key,
        model_digest=archive.digest,
        model_request=json.dumps(model, sort_keys=True),
        calibration=archive.calibration,
    )


def launch(services: Services, name: str) -> None:
    """Start a PLANNED job. All it needs is on its record, so it may be called again after any crash."""
    job = services.ledger.job(name)
    if job is None or job.state != "PLANNED":
        return
    members = [services.ledger.attempt(key) for key in job.members]
    try:
        key = job_prefix(job.name) + "input.manifest"
        services.put_json(services.settings.work, key, manifest(services.settings, members))
        ensure_model(services.sagemaker, json.loads(job.model_request))
        started = _create(services.sagemaker, json.loads(job.request))
    except JobRefused as error:
        for member in job.members:
            fail_attempt(services, member, str(error))
        services.ledger.move(job, "FAILED", reason=str(error)[:1000])
        return
    if started:
        services.ledger.move(job, "STARTED")
        logger().info("job started", extra={"job": job.name, "members": len(members)})


def _create(sagemaker, request: dict) -> bool:
    name, is_ours = request["TransformJobName"], partial(_is_ours, sagemaker, request)
    return send(sagemaker.create_transform_job, request, name, is_ours)


def _is_ours(sagemaker, request: dict) -> bool:
    """A job of this name is there: ours from before if it does the same, else a person must look."""
    found = sagemaker.describe_transform_job(TransformJobName=request["TransformJobName"])
    for field in ("ModelName", "TransformInput", "TransformOutput", "Environment"):
        wanted, seen = request.get(field), found.get(field)
        if field.startswith("Transform"):  # the service fills in defaults
            seen = {key: seen.get(key) for key in wanted}
        if wanted != seen:
            raise JobRefused(f"a job of this name exists with another {field}")
    return True
