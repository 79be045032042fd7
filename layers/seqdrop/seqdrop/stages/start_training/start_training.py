"""Start the job of a complete training set, after a check of its plan against the machine and the budget.

The job is recorded before SageMaker is called, and its name is derived from the attempt. If a message is delivered
twice, the second invocation finds the attempt claimed and creates no other job.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.config.kind import TRAINING
from seqdrop.errors import DistributionRefusedError, JobRefusedError, PlanRefusedError, RetryableError
from seqdrop.ledger.records import TRAIN, Attempt, Job
from seqdrop.models.archives import current_archive
from seqdrop.models.code_bundles import current_program, program_of
from seqdrop.runtime.log import logger
from seqdrop.runtime.tracing import span
from seqdrop.sagemaker.client import exists
from seqdrop.sagemaker.names import job_name
from seqdrop.sagemaker.requests.training import Inputs, checkpoints_uri, fingerprint, is_isolated, training_request
from seqdrop.sagemaker.spend import bound_training
from seqdrop.stages.backoff import is_due, postpone
from seqdrop.stages.migration import check_migration
from seqdrop.stages.outcomes import fail_training
from seqdrop.stages.recorded_request import start_or_adopt
from seqdrop.training.plan.limits import Ceilings
from seqdrop.training.plan.sizing import Sizing, has_smp, size_training
from seqdrop.training.request import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.config.settings import Settings
    from seqdrop.models.archives import ModelArchive
    from seqdrop.models.code_bundles import Program
    from seqdrop.runtime.services import Services
    from seqdrop.training.jobfile import JobFile


def start_training(services: Services, attempt_key: str) -> None:
    """Create and start the job of a PLANNED attempt. For a SUBMITTED attempt, start its job if a crash left it PLANNED.

    Do nothing for attempts in other states. Raise RetryableError if another invocation claimed the attempt.
    """
    attempt = services.ledger.find_attempt(attempt_key)
    if attempt is None or attempt.state not in ("PLANNED", "SUBMITTED"):
        return None
    if attempt.state == "SUBMITTED":
        return launch_training(services, attempt.job)
    try:
        job = _plan_job(services, attempt)
    except JobRefusedError as error:
        return fail_training(services, attempt, str(error))
    if not services.ledger.claim(job, [attempt]):
        raise RetryableError(f"another invocation claimed {attempt.key}")
    with span("launch", job=job.name):
        launch_training(services, job.name)
    return None


def launch_training(services: Services, name: str) -> None:
    """Start a PLANNED job that is due. It needs only its record, so the call may be repeated after any crash."""
    job = services.ledger.find_job(name)
    if job is None or job.state != "PLANNED" or not is_due(job):
        return None
    request = {**json.loads(job.request), "EnableNetworkIsolation": is_isolated(services.settings)}
    try:
        _check_bound(services, job.name, request)
        job, started = start_or_adopt(services, job, request)
    except JobRefusedError as error:
        for key in job.members:
            fail_training(services, services.ledger.require_attempt(key), str(error))
        services.ledger.move(job, "FAILED", reason=str(error)[:1000])
        return None
    if not started:
        return postpone(services, job)
    services.ledger.move(job, "STARTED")
    logger().info("job started", extra={"job": job.name})
    return None


def _plan_job(services: Services, attempt: Attempt) -> Job:
    """Return the record of the job. Raise JobRefusedError if no job can be made."""
    order, settings = Order.from_json(attempt.plan), services.settings
    name, job = job_name([attempt]), order.job
    program, weights = _find_code(services, job)
    size = _size(services, attempt, order)
    inputs = Inputs(program, weights, checkpoints_uri(settings, name), attempt.upload_id)
    request = training_request(settings, name, order, size, inputs)
    earlier = _find_checkpoints(services, order, fingerprint(request, order))
    if earlier:
        request = training_request(settings, name, order, size, replace(inputs, checkpoints=earlier))
    return Job(
        "PLANNED",
        name=name,
        task=TRAIN,
        analysis=TRAINING,
        members=[attempt.key],
        request=json.dumps(request, sort_keys=True),
        tags={tag["Key"]: tag["Value"] for tag in request["Tags"]},
        model=order.model,
        model_digest=program.digest,
    )


def _find_code(services: Services, job: JobFile) -> tuple[Program, ModelArchive | None]:
    """Return the code of a training, and the weights it starts from, after a check of the SHA-256 of both.

    Raise JobRefusedError if one of them was not pushed or was replaced since.
    """
    s3, bucket, program = services.s3, services.settings.models, program_of(job.model)
    check_migration(services, keys.program_pointer(program))
    code = current_program(s3, bucket, program)
    code.check(s3, bucket)
    if not job.weights:
        return code, None
    check_migration(services, keys.model_pointer(job.weights))
    return code, current_archive(s3, bucket, job.weights).pinned(s3, bucket)


def _size(services: Services, attempt: Attempt, order: Order) -> Sizing:
    """Return the sizing of a training, and write it to plan.json for the lab before any money is spent.

    Raise JobRefusedError with the reason if the training does not fit its machine or its budget.
    """
    try:
        sizing = size_training(
            order.job,
            order.prepared.residues,
            has_smp(services.settings.training_image),
            ceilings=_ceilings(services.settings),
        )
    except (PlanRefusedError, DistributionRefusedError) as error:
        raise JobRefusedError(str(error)) from error
    key = keys.training_result(attempt.upload_id, "plan.json")
    services.put_json(services.settings.results, key, sizing.as_dict())
    return sizing


def _ceilings(settings: Settings) -> Ceilings:
    """Return what the stack allows for any training."""
    return Ceilings(settings.training_budget, settings.training_hours, tuple(settings.training_instances.split(",")))


def _check_bound(services: Services, name: str, request: Mapping[str, Any]) -> None:
    """Raise JobRefusedError if a recorded request may cost more than the stack allows now.

    An earlier version may have recorded it, or the ceiling was lowered since. IAM checks hours and instance type. A job
    that SageMaker has already is not refused: it runs, and a crash prevented the record of its start.
    """
    dollars, most = bound_training(request), services.settings.training_budget
    if dollars > most and not exists(services.sagemaker, TRAIN, name):
        raise JobRefusedError(
            f"the job could cost ${dollars:,.2f} until it is stopped, but this stack allows ${most:g} for a training "
            "(TrainingBudget); a replay plans it again, within the present limits"
        )


def _find_checkpoints(services: Services, order: Order, mark: str) -> str:
    """Return the S3 URI of the previous attempt's checkpoints, if it failed and had the same fingerprint; else ""."""
    previous = services.ledger.find_attempt(order.previous) if order.previous else None
    if previous is None or previous.state != "FAILED" or not previous.job:
        return ""
    job = services.ledger.find_job(previous.job)
    request = json.loads(job.request) if job else None
    if request is None or fingerprint(request, Order.from_json(previous.plan)) != mark:
        return ""
    return str(request["CheckpointConfig"]["S3Uri"])
