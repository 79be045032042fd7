"""Attempts whose work items are few are sent to the asynchronous endpoint of their analysis (mode = "async").

An endpoint is used only if it serves the current model with the settings of the attempt's plan. If it is missing, is
being replaced, has too many requests already, or refuses one, the attempt gets a transform job. The record of the job
is written before the first request, so a crash repeats requests and never loses them; a repeated request overwrites
its output by the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from seqdrop.aws import keys
from seqdrop.aws.errors import is_busy, message_of
from seqdrop.errors import SeqdropError
from seqdrop.kinds.plans import plan_of
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import ASYNC, Attempt, Job
from seqdrop.models import pointers
from seqdrop.models.archives import current_archive, model_request
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.async_requests import Order, make_order
from seqdrop.sagemaker.endpoint_names import async_endpoint_name
from seqdrop.sagemaker.names import job_name
from seqdrop.sagemaker.served_models import find_served_model
from seqdrop.sagemaker.tags import cost_tags
from seqdrop.stages.backoff import postpone
from seqdrop.stages.job_slots import close_job
from seqdrop.stages.migration import check_migration
from seqdrop.stages.transform_way import return_to_transform, takes_transform
from seqdrop.work.items import MEGABYTE, shard_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.config.analyses import Analysis
    from seqdrop.models.archives import ModelArchive
    from seqdrop.runtime.services import Services
    from seqdrop.sagemaker.served_models import ServedModel

MOST_QUEUED = 100  # requests that may wait for each instance; for further uploads, a transform job is faster
MOST_TRIES = 3  # of a request that SageMaker does not accept at the moment


def claim_async(services: Services, attempt: Attempt) -> Job | None:
    """Return the record of an asynchronous job that claims an attempt; None if a transform job must predict.

    None is also returned if another invocation claimed the attempt; a claim for a transform job then fails too.
    """
    analysis = services.analyses.by_name.get(attempt.analysis)
    if services.settings.endpoints != "true" or analysis is None or not analysis.is_async or takes_transform(attempt):
        return None
    try:
        job = _plan(services, attempt, analysis) if _is_small(services, attempt, analysis) else None
    except (BotoCoreError, ClientError, SeqdropError):
        logger().warning("no asynchronous endpoint", exc_info=True, extra={"upload_id": attempt.upload_id})
        return None
    if job is None or not services.ledger.claim(job, [attempt]):
        return None
    return job


def _is_small(services: Services, attempt: Attempt, analysis: Analysis) -> bool:
    """Return True if each shard is one request, and all of them together are within the limit of the analysis.

    Shards that were written before the analysis became asynchronous may be larger than a request.
    """
    most = analysis.async_below_mb
    if not 0 < attempt.shards <= 2 * most + 1:  # neighbouring shards together have more than the size of one
        return False
    prefix = shard_key(attempt, 0).removesuffix(keys.shard_name("", 0)) + "-"
    pages = services.s3.get_paginator("list_objects_v2").paginate(Bucket=services.settings.work, Prefix=prefix)
    sizes = [item["Size"] for page in pages for item in page.get("Contents", [])]
    request = plan_of(attempt).job.max_payload_mb * MEGABYTE
    return len(sizes) == attempt.shards and max(sizes) <= request and sum(sizes) <= most * MEGABYTE


def _plan(services: Services, attempt: Attempt, analysis: Analysis) -> Job | None:
    """Return the record of an asynchronous job; None if the endpoint cannot be used. Raise JobRefusedError."""
    plan, settings = plan_of(attempt), services.settings
    check_migration(services, keys.model_pointer(plan.model))
    # Before the archive is read: if the pointer is moved meanwhile, finish notices the difference.
    pointer = pointers.load(services.s3, settings.models, keys.model_pointer(plan.model)).etag
    archive = current_archive(services.s3, settings.models, plan.model).pinned(services.s3, settings.models)
    plan.kind.check_archive(archive, plan)
    served = _find_endpoint(services, plan, archive)
    if served is None or _count_queued(services, attempt.analysis) >= MOST_QUEUED * analysis.async_max_instances:
        return None
    name = f"{job_name([attempt])}-{ASYNC}"
    tags = cost_tags(plan.name, attempt.upload_id, [attempt.run])
    return Job(
        "PLANNED",
        name=name,
        task=ASYNC,
        analysis=plan.name,
        members=[attempt.key],
        request=make_order(settings, served, pointer, name, attempt).as_json(),
        tags={tag["Key"]: tag["Value"] for tag in tags},
        model=archive.model,
        model_key=archive.key,
        model_digest=archive.digest,
        calibration=archive.calibration,
    )


def _find_endpoint(services: Services, plan: Analysis, archive: ModelArchive) -> ServedModel | None:
    """Return the endpoint of an analysis if it serves this archive with the settings of this plan."""
    served = find_served_model(services.sagemaker, async_endpoint_name(services.settings.stack, plan.name))
    expected = model_request(services.settings, archive, plan.job.max_payload_mb)["PrimaryContainer"]
    return served if served and served.is_of(expected, plan.kind.environment(plan)) else None


def _count_queued(services: Services, analysis: str) -> int:
    """Return the requests of the open asynchronous jobs of an analysis."""
    jobs: Iterable[Job] = (job for state in OPEN[JOB] for job in services.ledger.in_state(JOB, state))
    return sum(len(Order.of(job).invocations) for job in jobs if job.task == ASYNC and job.analysis == analysis)


def launch_async(services: Services, job: Job) -> None:
    """Send the requests of a PLANNED asynchronous job. It needs only its record, so the call may be repeated."""
    member = services.ledger.require_attempt(job.members[0])
    if member.state != "SUBMITTED" or member.job != job.name:  # it was resolved, and a crash left the job open
        return close_job(services, job.name, "DONE" if member.state == "PREDICTED" else "FAILED")
    try:
        responses = [services.sagemaker_runtime.invoke_endpoint_async(**each) for each in Order.of(job).invocations]
    except ClientError as error:
        if is_busy(error) and job.waits < MOST_TRIES:
            return postpone(services, job)
        return return_to_transform(services, job, member, f"SageMaker did not accept a request: {message_of(error)}")
    outputs = [str(response["OutputLocation"]) for response in responses]
    failures = [str(response.get("FailureLocation", "")) for response in responses]
    services.ledger.move(job, "STARTED", outputs=outputs, failures=failures)
    logger().info("requests are queued", extra={"job": job.name})
    return None
