"""Validated uploads wait: make jobs of those that share an analysis, and start them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby

from botocore.exceptions import ClientError

from seqdrop.errors import JobRefused, RetryableError
from seqdrop.jobs.models import ModelArchive, current_archive, ensure_model
from seqdrop.jobs.names import job_name
from seqdrop.jobs.transform import job_prefix, manifest, transform_request
from seqdrop.ledger.records import Attempt, Job
from seqdrop.log import logger
from seqdrop.services import Services
from seqdrop.stages.settle import fail_attempt

# The account has no room or the call came too fast: the job stays PLANNED and the reconciler starts it.
LATER = {"ResourceLimitExceeded", "ThrottlingException", "Throttling", "TooManyRequestsException"}


def start_transform(services: Services, attempt_keys: Iterable[str]) -> None:
    """Put each PLANNED attempt into a job; start the jobs of those that a crash left unstarted.

    Raises RetryableError if another run of this stage claimed some of them first.
    """
    found = [services.ledger.attempt(key) for key in sorted(set(attempt_keys))]
    attempts = [attempt for attempt in found if attempt]
    for name in sorted({attempt.job for attempt in attempts if attempt.state == "SUBMITTED"}):
        _launch(services, services.ledger.job(name))
    for members in _groups(services, [a for a in attempts if a.state == "PLANNED"]):
        _plan_and_launch(services, members)


def _groups(services: Services, attempts: list[Attempt]) -> Iterator[list[Attempt]]:
    by_analysis = sorted(attempts, key=lambda attempt: attempt.analysis)
    for analysis, sharing in groupby(by_analysis, key=lambda attempt: attempt.analysis):
        members, most = list(sharing), services.analyses.by_name[analysis].job.max_members
        for first in range(0, len(members), most):
            yield members[first : first + most]


def _plan_and_launch(services: Services, members: list[Attempt]) -> None:
    try:
        job = _plan(services, members)
    except JobRefused as error:
        for member in members:
            fail_attempt(services, member, str(error))
        return
    if not services.ledger.claim(job, members):
        raise RetryableError(f"members of {job.name} were claimed by another run")
    _launch(services, services.ledger.job(job.name))


def _plan(services: Services, members: list[Attempt]) -> Job:
    analysis = services.analyses.by_name[members[0].analysis]
    archive = current_archive(services.s3, services.settings.results, analysis.use.model)
    name = job_name(members)
    request = transform_request(services.settings, analysis, name, archive.name, members)
    return Job(
        "PLANNED",
        name=name,
        analysis=analysis.name,
        members=[member.key for member in members],
        request=json.dumps(request, sort_keys=True),
        model=archive.model,
        model_key=archive.key,
        model_digest=archive.digest,
    )


def _launch(services: Services, job: Job | None) -> None:
    """Start a PLANNED job. All it needs is on its record, so it may be called again after any crash."""
    if job is None or job.state != "PLANNED":
        return
    members = [services.ledger.attempt(key) for key in job.members]
    try:
        key = job_prefix(job.name) + "input.manifest"
        services.put_json(services.settings.work, key, manifest(services.settings, members))
        ensure_model(services.sagemaker, services.settings, ModelArchive(job.model, job.model_key, job.model_digest))
        started = _create(services.sagemaker, json.loads(job.request))
    except JobRefused as error:
        for member in members:
            fail_attempt(services, member, str(error))
        services.ledger.move(job, "FAILED", reason=str(error))
        return
    if started:
        services.ledger.move(job, "STARTED")
        logger().info("job started", extra={"job": job.name, "members": len(members)})


def _create(sagemaker, request: dict) -> bool:
    """Send the request. False: there is no room now. Raises JobRefused if it will never be taken."""
    try:
        sagemaker.create_transform_job(**request)
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
        if code == "ResourceInUse":
            return _is_ours(sagemaker, request)
        if code in LATER:
            logger().warning("job waits for room", extra={"job": request["TransformJobName"], "code": code})
            return False
        if code == "ValidationException":
            raise JobRefused(f"SageMaker refused the job: {message}") from error
        raise
    return True


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
