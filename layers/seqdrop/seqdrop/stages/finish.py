"""A job ended: bring each member's predictions home, and send its upload on."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from seqdrop.calibration import parse
from seqdrop.jobs.transform import output_prefix, shard_prefix
from seqdrop.ledger.records import EXAMINE, TRAIN, Attempt, Job
from seqdrop.log import logger
from seqdrop.results.files import result_files, results_prefix, upload_files
from seqdrop.results.provenance import provenance
from seqdrop.results.rows import Counts, UnknownAnswer
from seqdrop.results.summary import summary
from seqdrop.services import Services
from seqdrop.shards import shard_name
from seqdrop.stages.examined import ENDS, finish_examination
from seqdrop.stages.road import hand_on
from seqdrop.stages.settle import fail_attempt
from seqdrop.stages.trained import finish_training
from seqdrop.uses import PROTEIN

CHUNK = 1 << 20


def finish(services: Services, name: str) -> None:
    """Settle every member of a job that has ended. SageMaker is asked for the status; the event may lie."""
    job = services.ledger.job(name)
    if job is None:
        return  # another deployment's job in the same account
    if job.task == EXAMINE:
        return finish_examination(services, job)
    if job.task == TRAIN:
        return finish_training(services, job)
    found = services.sagemaker.describe_transform_job(TransformJobName=name)
    end = ENDS.get(found["TransformJobStatus"])
    if end is None:
        return
    outputs, reason = _outputs(services, job), found.get("FailureReason", f"the job ended as {end}")
    for key in job.members:
        _settle(services, job, services.ledger.attempt(key), outputs, reason)
    if job.state in ("PLANNED", "STARTED"):
        services.ledger.move(job, end, reason="" if end == "DONE" else reason[:1000])
    logger().info("job ended", extra={"job": name, "end": end})


def _outputs(services: Services, job: Job) -> dict[str, str]:
    """Base name → key of every output. SageMaker's folders below the prefix are not relied upon."""
    pages = services.s3.get_paginator("list_objects_v2").paginate(
        Bucket=services.settings.work, Prefix=output_prefix(job.name)
    )
    keys = (item["Key"] for page in pages for item in page.get("Contents", []))
    return {posixpath.basename(key): key for key in keys}


def _settle(services: Services, job: Job, attempt: Attempt, outputs: dict[str, str], reason: str) -> None:
    if attempt.state == "SUBMITTED" and attempt.job == job.name:
        names = [f"{name}.out" for name in _shards(attempt)]
        missing = [name for name in names if name not in outputs]
        trouble = reason if missing else _write(services, job, attempt, [outputs[name] for name in names])
        if trouble:
            fail_attempt(services, attempt.key, trouble)
    # Also for one that was settled before: the message to the next stage may have been lost.
    for upload_id in (attempt.upload_id, attempt.masks):
        if upload_id:
            hand_on(services, services.ledger.upload(upload_id))


def _shards(attempt: Attempt) -> list[str]:
    return [shard_name(attempt.key, number) for number in range(attempt.shards)]


def _write(services: Services, job: Job, attempt: Attempt, keys: list[str]) -> str | None:
    """Bring predictions home and move the attempt on. Answers what is wrong with them, if anything is."""
    analysis, bucket = attempt.analysis_as_planned, services.settings.results
    masks = services.ledger.upload(attempt.masks) if attempt.masks else None
    made_by = provenance(services.ledger.upload(attempt.upload_id), attempt, job, analysis, masks)
    calibration = parse(job.calibration) if job.calibration and analysis.use.task == "promoter" else None
    scale = calibration.scale(analysis.use.prior) if calibration else None
    try:
        with result_files(analysis, _lines(services, keys), made_by, scale, _items(services, attempt)) as results:
            if trouble := _trouble(attempt, results.counts):
                return trouble
            upload_files(services.s3, bucket, attempt, results)
            content = summary(made_by, analysis.use, results, calibration)
    except UnknownAnswer as error:
        return str(error)
    services.put_json(bucket, results_prefix(attempt) + "summary.json", content)
    services.ledger.move(attempt, "PREDICTED")
    return None


def _trouble(attempt: Attempt, counts: Counts) -> str | None:
    if counts.lines != attempt.items:
        return f"the job answered {counts.lines} of {attempt.items} work items"
    if counts.errors.total() == counts.lines:
        return f"the model answered every work item with an error: {dict(counts.errors)}"
    return None


def _items(services: Services, attempt: Attempt) -> Iterator[bytes]:
    """The work items that the predictions answer, where results hold what was asked about."""
    if attempt.analysis_as_planned.alphabet != PROTEIN:
        return iter(())
    return _lines(services, [shard_prefix(attempt) + name for name in _shards(attempt)])


def _lines(services: Services, keys: list[str]) -> Iterator[bytes]:
    for key in keys:
        body = services.s3.get_object(Bucket=services.settings.work, Key=key)["Body"]
        yield from body.iter_lines(chunk_size=CHUNK)
