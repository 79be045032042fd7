"""Group attempts of one analysis into jobs, at most as many as slots are free, and start the jobs."""

from __future__ import annotations

import json
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from seqdrop.aws import keys
from seqdrop.config.analyses import job_settings
from seqdrop.errors import JobRefusedError, NotMigratedError, SpendRefusedError
from seqdrop.kinds.plans import plan_of
from seqdrop.ledger.moves import ATTEMPT
from seqdrop.ledger.records import ASYNC, TRANSFORM, Attempt, Job
from seqdrop.models.archives import ModelArchive, current_archive, model_request
from seqdrop.runtime.isolation import try_each
from seqdrop.runtime.log import logger
from seqdrop.runtime.tracing import span
from seqdrop.sagemaker.client import adopt, create, create_model, exists
from seqdrop.sagemaker.grouping import group_attempts, take_turns
from seqdrop.sagemaker.names import job_name
from seqdrop.sagemaker.requests.transform import manifest, transform_request
from seqdrop.stages.backoff import is_due, postpone
from seqdrop.stages.job_slots import claim, close_job, count_free_slots
from seqdrop.stages.migration import check_migration
from seqdrop.stages.outcomes import fail_attempt
from seqdrop.stages.recorded_request import replace_recorded
from seqdrop.stages.start_transform.asynchronous import claim_async, launch_async
from seqdrop.stages.transform_cost import check_cost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mypy_boto3_sagemaker.client import SageMakerClient

    from seqdrop.runtime.services import Services

WITHOUT_WORKFLOWS = (
    "its analysis has a workflow, but the stack has none; deploy it with the parameter Workflows=true "
    "(docs/workflows.md)"
)
MAX_WAITING = 5000  # waiting attempts that take part in the turns of the runs


def start_transform(services: Services, attempt_keys: Iterable[str], job_names: Iterable[str] = ()) -> set[str]:
    """Put PLANNED attempts, and those that wait for a slot, into jobs, and start the jobs.

    Also start the named jobs, and jobs that a crash left PLANNED. Attempts for which no slot is free are moved to
    WAITING. Return the keys of attempts and the names of jobs that must be tried again. An error of one group does not
    affect another.
    """
    reads = try_each(sorted(set(attempt_keys)), services.ledger.find_attempt, lambda key: {"attempt": key})
    attempts = list(filter(None, reads.results))
    unstarted = {name: [name] for name in job_names}
    for attempt in attempts:
        if attempt.state == "SUBMITTED":
            unstarted.setdefault(attempt.job, []).append(attempt.key)
    again = set(reads.failed)
    for name, members in unstarted.items():
        again |= _try_step(members, partial(launch, services, name))
    return again | _fill_slots(services, [attempt for attempt in attempts if attempt.state == "PLANNED"])


def _try_step(members: list[str], step: Callable[[], None]) -> set[str]:
    """Call `step`. If it raises, log the error and return `members`, the keys or names that it handles; else none."""
    log = logger()
    try:
        step()
    except Exception:
        log.exception("group failed", extra={"members": members})
        return set(members)
    return set()


def _fill_slots(services: Services, planned: list[Attempt]) -> set[str]:
    """Fill the free slots with jobs, and let the other attempts wait. Waiting and new attempts take turns.

    Attempts that an asynchronous endpoint predicts need no slot.
    """
    free = count_free_slots(services)
    waiting = islice(services.ledger.in_state(ATTEMPT, "WAITING"), MAX_WAITING) if free else []
    readable = try_each([*planned, *waiting], _check_plan, lambda attempt: {"attempt": attempt.key})
    again = {attempt.key for attempt in readable.failed}
    remaining: list[Attempt] = []
    for attempt in take_turns(readable.results):
        again |= _try_step([attempt.key], partial(_start_async, services, attempt, remaining))
    for number, members in enumerate(group_attempts(remaining)):
        step = _start if number < free else _park
        again |= _try_step([member.key for member in members], partial(step, services, members))
    return again


def _start_async(services: Services, attempt: Attempt, remaining: list[Attempt]) -> None:
    """Send an attempt to its asynchronous endpoint, or append it to `remaining`, which get transform jobs."""
    if job := claim_async(services, attempt):
        return launch(services, job.name)
    return remaining.append(attempt)


def _check_plan(attempt: Attempt) -> Attempt:
    """Return the attempt. Raise an error if its plan cannot be read, so that it does not stop those of other plans."""
    job_settings(attempt.plan)
    return attempt


def _start(services: Services, members: list[Attempt]) -> None:
    """Start a job of these members, or several if one job of all would exceed a ceiling of the stack."""
    try:
        job = claim(services, members, partial(_plan_job, services))
    except SpendRefusedError as error:
        if len(members) == 1:
            return fail_attempt(services, members[0], str(error))
        middle = len(members) // 2
        _start(services, members[:middle])
        return _start(services, members[middle:])
    except JobRefusedError as error:
        for member in members:
            fail_attempt(services, member, str(error))
        return None
    except NotMigratedError:
        logger().warning("the model is not copied yet", extra={"members": [member.key for member in members]})
        job = None  # the reconciler, which copies it, also sends the message for attempts that wait
    if job:
        return launch(services, job.name)
    return _park(services, members)


def _park(services: Services, members: list[Attempt]) -> None:
    """Move PLANNED members to WAITING. They are considered again when a job ends or the reconciler runs."""
    for member in members:
        if member.state == "PLANNED":
            services.ledger.move(member, "WAITING")


def _plan_job(services: Services, members: list[Attempt]) -> Job:
    """Return the record of a job of these members. Raise JobRefusedError if no job can be made."""
    analysis = plan_of(members[0])
    if analysis.workflow:
        raise JobRefusedError(WITHOUT_WORKFLOWS)
    check_migration(services, keys.model_pointer(analysis.model))
    s3, bucket = services.s3, services.settings.models
    archive = current_archive(s3, bucket, analysis.model).pinned(s3, bucket)
    analysis.kind.check_archive(archive, analysis)
    model = model_request(services.settings, archive, analysis.job.max_payload_mb)
    name = job_name(members)
    request = transform_request(services.settings, analysis, name, model["ModelName"], members)
    check_cost(services, members, archive, request)
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
    """Start a PLANNED job that is due. It needs only its record, so the call may be repeated after any crash."""
    with span("launch", job=name):
        _launch(services, name)


def _launch(services: Services, name: str) -> None:
    job = services.ledger.find_job(name)
    if job is None or job.state != "PLANNED" or not is_due(job):
        return None
    if job.task == ASYNC:
        return launch_async(services, job)
    members = [services.ledger.require_attempt(key) for key in job.members]
    try:
        shards = manifest(services.settings, members)
        services.put_json(services.settings.work, keys.job_manifest(job.name), shards)
        job, started = _start_or_adopt(services, job, members[0])
    except JobRefusedError as error:
        for member in members:
            fail_attempt(services, member, str(error))
        return close_job(services, name, "FAILED", reason=str(error)[:1000])
    if not started:
        return postpone(services, job)
    services.ledger.move(job, "STARTED")
    logger().info("job started", extra={"job": job.name, "members": len(members)})
    return None


def _start_or_adopt(services: Services, job: Job, member: Attempt) -> tuple[Job, bool]:
    """Create the model and the job; return the job's record, and False if SageMaker has no capacity for them now.

    Versions up to 0.2.0 recorded models without network isolation, which IAM refuses. If SageMaker does not have the
    job yet, it is created with the model that this deployment makes of the same archive.
    """
    request = json.loads(job.request)
    if not json.loads(job.model_request).get("EnableNetworkIsolation"):
        if exists(services.sagemaker, TRANSFORM, job.name):
            return job, adopt(services.sagemaker, TRANSFORM, request)
        check_migration(services, keys.model_pointer(job.model))
        archive = ModelArchive(job.model, job.model_key, job.model_digest)
        archive = archive.pinned(services.s3, services.settings.models)
        model = model_request(services.settings, archive, plan_of(member).job.max_payload_mb)
        requests = {"request": {**request, "ModelName": model["ModelName"]}, "model_request": model}
        texts = {name: json.dumps(content, sort_keys=True) for name, content in requests.items()}
        job = replace_recorded(services, job, **texts)
    return job, _create(services.sagemaker, job)


def _create(sagemaker: SageMakerClient, job: Job) -> bool:
    """Create the model and the job; return False if SageMaker has no capacity for one of them now.

    Raise JobRefusedError if SageMaker will never accept one of them.
    """
    return create_model(sagemaker, json.loads(job.model_request)) and create(
        sagemaker, TRANSFORM, json.loads(job.request)
    )
