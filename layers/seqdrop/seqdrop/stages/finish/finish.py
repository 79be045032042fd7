"""Resolve the members of a job that has ended: import their predictions, and enqueue their uploads."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from seqdrop.aws import keys
from seqdrop.errors import RetryableError
from seqdrop.kinds.plans import plan_of
from seqdrop.ledger.records import EXAMINE, TRAIN, TRANSFORM, Attempt, Job
from seqdrop.models.calibration import parse
from seqdrop.results.provenance import build_provenance
from seqdrop.results.rows import UnexpectedOutputError
from seqdrop.results.writer import Predictions, result_files, upload_files, write_summary
from seqdrop.runtime.log import logger
from seqdrop.runtime.messages import make_free_slots_message
from seqdrop.sagemaker.client import describe
from seqdrop.stages.finish.bisect import next_group, try_again
from seqdrop.stages.finish.examination import finish_examination
from seqdrop.stages.finish.training import finish_training
from seqdrop.stages.job_slots import close_job
from seqdrop.stages.outcomes import fail_attempt
from seqdrop.stages.routing import enqueue_next
from seqdrop.stages.transform_cost import record_speed
from seqdrop.work.items import shard_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analyses import Analysis
    from seqdrop.results.proteins import ProteinCounts
    from seqdrop.results.rows import Counts
    from seqdrop.runtime.services import Services

CHUNK = 1 << 20
# Errors of AWS services and of the network. Any other error while predictions are read comes from their content.
PASSING = (Boto3Error, BotoCoreError, ClientError, HTTPError, OSError, RetryableError)


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
    description = describe(services.sagemaker, TRANSFORM, name)
    state, reason = description.end, description.reason
    if state == "STOPPED" and job.stop_reason:
        reason = job.stop_reason
    if state is None:
        return None
    members = [services.ledger.require_attempt(key) for key in job.members]
    if again := _resolve_all(services, _EndedJob(job, state, reason, _list_outputs(services, job), members)):
        raise RetryableError(f"these members of {name} must be resolved again: {again}")
    if state == "DONE":
        record_speed(services, job, members, description.response)
    close_job(services, name, state, reason="" if state == "DONE" else reason[:1000])
    services.send(services.settings.transform_queue, make_free_slots_message(name))
    logger().info("job ended", extra={"job": name, "end": state})
    return None


@dataclass(frozen=True)
class _EndedJob:
    """A job that has ended: its final state and the reason, its outputs (base name → key), its members in order."""

    job: Job
    state: str
    reason: str
    outputs: dict[str, str]
    members: list[Attempt]

    def lacks_outputs(self, attempt: Attempt) -> bool:
        """Return True if the output of any of the attempt's shards is missing."""
        return not all(_output_name(shard) in self.outputs for shard in _shards(attempt))

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
            log.exception("member not resolved", exc_info=False, extra=_describe_error(attempt, error))
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
            enqueue_next(services, upload)


def _import_results(services: Services, ended: _EndedJob, attempt: Attempt) -> None:
    log, outputs = logger(), [ended.outputs[_output_name(shard)] for shard in _shards(attempt)]
    try:
        problem = _write(services, ended.job, attempt, outputs)
    except PASSING:
        raise
    except Exception as error:
        # The error's message may hold sequence data, which no log may hold, so only its type is logged.
        log.exception("predictions unreadable", exc_info=False, extra=_describe_error(attempt, error))
        problem = f"its predictions could not be read ({type(error).__name__})"
    if problem:
        fail_attempt(services, attempt, problem)


def _describe_error(attempt: Attempt, error: Exception) -> dict[str, str]:
    return {"upload_id": attempt.upload_id, "error": type(error).__name__}


def _shards(attempt: Attempt) -> list[str]:
    return [shard_key(attempt, number) for number in range(attempt.shards)]


def _output_name(shard: str) -> str:
    """Return the base name that SageMaker gives to the predictions of a shard."""
    return f"{posixpath.basename(shard)}.out"


def _write(services: Services, job: Job, attempt: Attempt, outputs: list[str]) -> str | None:
    """Write the results of an attempt and move it to PREDICTED. Return why that is impossible; None if it was done."""
    predictions = _predictions(services, job, attempt, outputs)
    try:
        with result_files(predictions) as results:
            if problem := _check_counts(attempt, results.counts):
                return problem
            write_summary(predictions, results)
            upload_files(services.s3, services.settings.results, attempt, results)
    except UnexpectedOutputError as error:
        return str(error)
    if not services.ledger.move(attempt, "PREDICTED"):
        raise RetryableError("another invocation is resolving this attempt")
    return None


def _predictions(services: Services, job: Job, attempt: Attempt, outputs: list[str]) -> Predictions:
    analysis = plan_of(attempt)
    upload = services.ledger.require_upload(attempt.upload_id)
    masks = services.ledger.find_upload(attempt.masks) if attempt.masks else None  # its record may have expired
    made_by = build_provenance(upload, attempt, job, analysis, masks)
    calibration = parse(job.calibration) if job.calibration else None
    return Predictions(analysis, _lines(services, outputs), made_by, calibration, _items(services, analysis, attempt))


def _check_counts(attempt: Attempt, counts: Counts | ProteinCounts) -> str | None:
    """Return an error text if predictions are missing, or the model failed for every work item; else None."""
    if counts.lines != attempt.items:
        return f"the job returned predictions for {counts.lines} of {attempt.items} work items"
    if counts.errors.total() == counts.lines:
        return f"the model returned an error for every work item: {dict(counts.errors)}"
    return None


def _items(services: Services, analysis: Analysis, attempt: Attempt) -> Iterator[bytes]:
    """Yield the lines of the attempt's shards, if the kind needs work items for its results; else nothing."""
    if not analysis.kind.reads_items_for_results:
        return iter(())
    return _lines(services, _shards(attempt))


def _lines(services: Services, objects: list[str]) -> Iterator[bytes]:
    for key in objects:
        body = services.s3.get_object(Bucket=services.settings.work, Key=key)["Body"]
        yield from body.iter_lines(chunk_size=CHUNK)
