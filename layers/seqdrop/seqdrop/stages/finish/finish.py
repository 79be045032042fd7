"""A job ended: bring each member's predictions home, and send its upload on."""

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
from seqdrop.results.rows import Counts, UnexpectedOutputError
from seqdrop.results.writer import Predictions, result_files, upload_files, write_summary
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import describe
from seqdrop.stages.finish.bisect import next_group, try_again
from seqdrop.stages.finish.training import finish_training
from seqdrop.stages.job_slots import end_job
from seqdrop.stages.outcomes import fail_attempt
from seqdrop.stages.routing import enqueue_next
from seqdrop.stages.start_processing.processing_job import finish_examination
from seqdrop.work.items import shard_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seqdrop.config.analyses import Analysis
    from seqdrop.runtime.services import Services

CHUNK = 1 << 20
# Errors of the services and of the way to them; any other that predictions raise is theirs, and stays.
PASSING = (Boto3Error, BotoCoreError, ClientError, HTTPError, OSError, RetryableError)


def finish(services: Services, name: str) -> None:
    """Settle every member of a job that has ended. SageMaker is asked for the status; the event may lie.

    One member's trouble does not touch the others': they are settled first. Raises RetryableError if any must be
    looked at again.
    """
    job = services.ledger.find_job(name)
    if job is None:
        return None  # another deployment's job in the same account
    if job.task == EXAMINE:
        return finish_examination(services, job)
    if job.task == TRAIN:
        return finish_training(services, job)
    found = describe(services.sagemaker, TRANSFORM, name)
    end, reason = found.end, found.reason
    if end is None:
        return None
    if again := _settle_all(services, _Ended(job, end, reason, _outputs(services, job), _members(services, job))):
        raise RetryableError(f"these members of {name} must be looked at again: {again}")
    end_job(services, job, end, reason="" if end == "DONE" else reason[:1000])
    services.send(services.settings.transform_queue, {"room": name})  # for those that wait
    logger().info("job ended", extra={"job": name, "end": end})
    return None


@dataclass(frozen=True)
class _Ended:
    """A job that ended, why, what it left, and its members in their order."""

    job: Job
    end: str
    reason: str
    outputs: dict[str, str]
    members: list[Attempt]

    def lacks(self, attempt: Attempt) -> bool:
        return not all(_output_name(shard) in self.outputs for shard in _shards(attempt))

    def next_group(self, attempt: Attempt) -> str | None:
        """With whom a member without outputs is tried again; None if it is not."""
        lacking = [one for one in self.members if self.lacks(one)]
        return next_group(self.job, lacking, attempt, self.reason) if self.end == "FAILED" else None


def _members(services: Services, job: Job) -> list[Attempt]:
    return [services.ledger.find_attempt(key) for key in job.members]


def _settle_all(services: Services, ended: _Ended) -> list[str]:
    """Settle the members, the smallest first, so that one that takes all of a function's time takes only its own.

    Answers the keys of those whose trouble may pass.
    """
    again = []
    for attempt in sorted(ended.members, key=lambda one: one.items):
        try:
            _settle(services, ended, attempt)
        except PASSING:
            logger().exception("member not settled", extra={"job": ended.job.name, "upload_id": attempt.upload_id})
            again.append(attempt.key)
    return again


def _outputs(services: Services, job: Job) -> dict[str, str]:
    """Base name → key of every output. SageMaker's folders below the prefix are not relied upon."""
    pages = services.s3.get_paginator("list_objects_v2").paginate(
        Bucket=services.settings.work, Prefix=keys.job_output(job.name)
    )
    found = (item["Key"] for page in pages for item in page.get("Contents", []))
    return {posixpath.basename(key): key for key in found}


def _settle(services: Services, ended: _Ended, attempt: Attempt) -> None:
    if attempt.state == "SUBMITTED" and attempt.job == ended.job.name:
        if not ended.lacks(attempt):
            _bring_home(services, ended, attempt)
        elif group := ended.next_group(attempt):
            try_again(services, attempt, group, ended.reason)
        else:
            fail_attempt(services, attempt, ended.reason)
    # Also for one that was settled before: the message to the next stage may have been lost.
    for upload_id in (attempt.upload_id, attempt.masks):
        if upload_id:
            enqueue_next(services, services.ledger.find_upload(upload_id))


def _bring_home(services: Services, ended: _Ended, attempt: Attempt) -> None:
    outputs = [ended.outputs[_output_name(shard)] for shard in _shards(attempt)]
    try:
        trouble = _write(services, ended.job, attempt, outputs)
    except PASSING:
        raise
    except Exception as error:
        # Its message may hold what was predicted of, which is in no log.
        logger().error("predictions unreadable", extra={"upload_id": attempt.upload_id, "error": type(error).__name__})
        trouble = f"its predictions could not be read ({type(error).__name__})"
    if trouble:
        fail_attempt(services, attempt, trouble)


def _shards(attempt: Attempt) -> list[str]:
    return [shard_key(attempt, number) for number in range(attempt.shards)]


def _output_name(shard: str) -> str:
    """Return the base name that SageMaker gives to the predictions of a shard."""
    return f"{posixpath.basename(shard)}.out"


def _write(services: Services, job: Job, attempt: Attempt, outputs: list[str]) -> str | None:
    """Bring predictions home and move the attempt on. Answers what is wrong with them, if anything is."""
    predictions = _predictions(services, job, attempt, outputs)
    try:
        with result_files(predictions) as results:
            if trouble := _trouble(attempt, results.counts):
                return trouble
            write_summary(predictions, results)
            upload_files(services.s3, services.settings.results, attempt, results)
    except UnexpectedOutputError as error:
        return str(error)
    if not services.ledger.move(attempt, "PREDICTED"):
        raise RetryableError("another run settles it at this moment")
    return None


def _predictions(services: Services, job: Job, attempt: Attempt, outputs: list[str]) -> Predictions:
    analysis = plan_of(attempt)
    masks = services.ledger.find_upload(attempt.masks) if attempt.masks else None
    made_by = build_provenance(services.ledger.find_upload(attempt.upload_id), attempt, job, analysis, masks)
    calibration = parse(job.calibration) if job.calibration else None
    return Predictions(analysis, _lines(services, outputs), made_by, calibration, _items(services, analysis, attempt))


def _trouble(attempt: Attempt, counts: Counts) -> str | None:
    if counts.lines != attempt.items:
        return f"the job answered {counts.lines} of {attempt.items} work items"
    if counts.errors.total() == counts.lines:
        return f"the model answered every work item with an error: {dict(counts.errors)}"
    return None


def _items(services: Services, analysis: Analysis, attempt: Attempt) -> Iterator[bytes]:
    """The work items that the predictions answer, where results hold what was asked about."""
    if not analysis.kind.reads_items_for_results:
        return iter(())
    return _lines(services, _shards(attempt))


def _lines(services: Services, objects: list[str]) -> Iterator[bytes]:
    for key in objects:
        body = services.s3.get_object(Bucket=services.settings.work, Key=key)["Body"]
        yield from body.iter_lines(chunk_size=CHUNK)
