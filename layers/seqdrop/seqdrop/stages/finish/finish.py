"""Resolve the members of a job that has ended: import their predictions, and enqueue their uploads."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.ledger.records import ASYNC, EXAMINE, TRAIN, TRANSFORM, Attempt, Job
from seqdrop.runtime.log import logger
from seqdrop.runtime.messages import make_free_slots_message
from seqdrop.sagemaker.client import describe
from seqdrop.stages.file_pages import refresh_page
from seqdrop.stages.finish.asynchronous import finish_async
from seqdrop.stages.finish.bisect import next_group, try_again
from seqdrop.stages.finish.examination import finish_examination
from seqdrop.stages.finish.predictions import PASSING, describe_error, import_predictions, shards_of
from seqdrop.stages.finish.training import finish_training
from seqdrop.stages.finish.ways import transform_way
from seqdrop.stages.job_slots import close_job
from seqdrop.stages.outcomes import fail_attempt
from seqdrop.stages.routing import enqueue_next
from seqdrop.stages.transform_cost import record_speed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.runtime.services import Services
    from seqdrop.stages.finish.ways import Way


def finish(services: Services, name: str) -> None:
    """Resolve every member of a job that has ended. Do nothing if it still runs, or belongs to another deployment.

    SageMaker is asked for the status, because the event's may be out of date. An error of one member does not affect
    the others. Raise RetryableError if any member must be resolved again.
    """
    job = services.ledger.find_job(name)
    if job is None:
        return None  # a job of another deployment in the same account
    if job.task == EXAMINE:
        return finish_examination(services, job)
    if job.task == TRAIN:
        return finish_training(services, job)
    if job.task == ASYNC:
        return finish_async(services, job)
    description = describe(services.sagemaker, TRANSFORM, name)
    state, reason = description.end, description.reason
    if state == "STOPPED" and job.stop_reason:
        reason = job.stop_reason
    if state is None:
        return None
    members = [services.ledger.require_attempt(key) for key in job.members]
    outputs = _list_outputs(services, job)
    ended = _EndedJob(services, job, state, reason, outputs, members, description.response)
    if again := _resolve_all(services, ended):
        raise RetryableError(f"these members of {name} must be resolved again: {again}")
    if state == "DONE":
        record_speed(services, job, members, description.response)
    close_job(services, name, state, reason="" if state == "DONE" else reason[:1000])
    services.send(services.settings.transform_queue, make_free_slots_message(name))
    logger().info("job ended", extra={"job": name, "end": state})
    return None


@dataclass(frozen=True)
class _EndedJob:
    """A job that has ended: its final state and the reason, its outputs (base name → key), its members in order.

    `response` is its description by SageMaker.
    """

    services: Services
    job: Job
    state: str
    reason: str
    outputs: dict[str, str]
    members: list[Attempt]

    response: Mapping[str, Any] = field(default_factory=dict)

    def way(self, attempt: Attempt) -> Way:
        """Return the way in which a member's predictions were made."""
        return transform_way(self.services, self.job, attempt, self.members, self.response)

    def lacks_outputs(self, attempt: Attempt) -> bool:
        """Return True if the output of any of the attempt's shards is missing."""
        return not all(_output_name(shard) in self.outputs for shard in shards_of(attempt))

    def next_group(self, attempt: Attempt) -> str | None:
        """Return the group in which a member without outputs is tried again; None if it is not tried again."""
        lacking = [member for member in self.members if self.lacks_outputs(member)]
        return next_group(self.job, lacking, attempt, self.reason) if self.state == "FAILED" else None


def _resolve_all(services: Services, ended: _EndedJob) -> list[str]:
    """Resolve the members; return the keys of those with an error.

    Members with few work items come first: if a large one exceeds the time limit of the function, the others are done.
    """
    again, log = [], logger()
    for attempt in sorted(ended.members, key=lambda member: member.items):
        try:
            _resolve(services, ended, attempt)
        except PASSING:
            log.exception("member not resolved", extra={"job": ended.job.name, "upload_id": attempt.upload_id})
            again.append(attempt.key)
        except Exception as error:  # its message may hold sequence data
            log.exception("member not resolved", exc_info=False, extra=describe_error(attempt, error))
            again.append(attempt.key)
    return again


def _list_outputs(services: Services, job: Job) -> dict[str, str]:
    """Return base name → key of every output, in all folders that SageMaker makes below the job's prefix."""
    pages = services.s3.get_paginator("list_objects_v2").paginate(
        Bucket=services.settings.work, Prefix=keys.job_output(job.name)
    )
    outputs = (item["Key"] for page in pages for item in page.get("Contents", []))
    return {posixpath.basename(key): key for key in outputs}


def _resolve(services: Services, ended: _EndedJob, attempt: Attempt) -> None:
    """Import a member's predictions, plan its next attempt, or move it to FAILED; then enqueue its uploads."""
    if attempt.state == "SUBMITTED" and attempt.job == ended.job.name:
        if not ended.lacks_outputs(attempt):
            _import_results(services, ended, attempt)
        elif group := ended.next_group(attempt):
            try_again(services, attempt, group, ended.reason)
        else:
            fail_attempt(services, attempt, ended.reason)
    # Also for a member that was resolved before: the message to the next stage may have been lost.
    for upload_id in filter(None, (attempt.upload_id, attempt.masks)):
        upload = services.ledger.find_upload(upload_id)
        if upload:  # the record of an upload in a final state may have expired
            refresh_page(services, upload)
            enqueue_next(services, upload)


def _import_results(services: Services, ended: _EndedJob, attempt: Attempt) -> None:
    outputs = [ended.outputs[_output_name(shard)] for shard in shards_of(attempt)]
    problem = import_predictions(services, ended.job, attempt, outputs, ended.way(attempt))
    if problem:
        fail_attempt(services, attempt, problem)


def _output_name(shard: str) -> str:
    """Return the base name that SageMaker gives to the predictions of a shard."""
    return f"{posixpath.basename(shard)}.out"
