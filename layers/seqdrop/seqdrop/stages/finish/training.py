"""A training job ended: its model is registered and held to the gate, or its failure is told."""

from __future__ import annotations

import json

from seqdrop.aws import keys
from seqdrop.ledger.records import TRAIN, Attempt, Job
from seqdrop.models.archives import class_names
from seqdrop.models.artifacts import Artifacts, ModelNotFoundError, read_artifacts
from seqdrop.models.promotion import Candidate, Verdict, judge
from seqdrop.models.registry import Version, current_candidate, make_current, register
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.sagemaker.client import Description, describe
from seqdrop.stages.outcomes import fail_training
from seqdrop.stages.routing import enqueue_next
from seqdrop.training.jobfile import DNABERT
from seqdrop.training.request import Order

# How SageMaker names the ways in which it ends a job by itself, and what that means to a lab.
TOLD = {
    "MaxRuntimeExceeded": "it ran for instance.max_hours and was stopped",
    "MaxWaitTimeExceeded": "no spot machine was to be had for long enough; set instance.spot = false, or wait",
}


def finish_training(services: Services, job: Job) -> None:
    """Settle a training job that has ended. Also for one that was settled: a message may have been lost."""
    found = describe(services.sagemaker, TRAIN, job.name)
    end = found.end
    if end is None:
        return
    attempt = services.ledger.find_attempt(job.members[0])
    reason = "" if end == "DONE" else _reason(found)
    if attempt.state == "SUBMITTED" and attempt.job == job.name:
        reason = reason or _register(services, job, attempt, found.response)
        if reason:
            fail_training(services, attempt, reason)
    order = Order.from_json(attempt.plan)
    for upload_id in (attempt.upload_id, *order.files.values()):
        enqueue_next(services, services.ledger.find_upload(upload_id))
    if job.state in ("PLANNED", "STARTED"):
        services.ledger.move(job, end, reason=reason[:1000])
    logger().info("job ended", extra={"job": job.name, "end": end})


def _reason(found: Description) -> str:
    return found.response.get("FailureReason") or TOLD.get(found.response.get("SecondaryStatus", ""), found.reason)


def _register(services: Services, job: Job, attempt: Attempt, found: dict) -> str:
    """Register the model and move the attempt on. Answers why there is none, if so."""
    order, s3, results = Order.from_json(attempt.plan), services.s3, services.settings.results
    try:
        made = read_artifacts(s3, services.settings.work, job.name)
    except ModelNotFoundError as error:
        return str(error)
    version = Version(order.model, version_of(attempt, order))
    metric = "MCC" if order.job.model == DNABERT else "Q3"
    new = Candidate(order.job.target, _figure(order, made), order.prepared.test_digest, metric)
    card = _card(job, attempt, order, made, found) | {"figure": new.figure}
    register(s3, services.settings.work, keys.trained_archive(job.name), results, version, card)
    verdict = _judged(services, order, version, new)
    if verdict.passed:
        make_current(s3, results, version, now())
    told = {"model": version.model, "version": version.version, "current": verdict.passed, "why": verdict.why}
    services.put_json(results, keys.training_result(attempt.upload_id, "summary.json"), {**told, "card": card})
    _tell(services, attempt, version, verdict)
    services.ledger.move(attempt, "TRAINED", reason=verdict.why[:1000])
    return ""


def version_of(attempt: Attempt, order: Order) -> str:
    """The same whoever asks: of the day the attempt was planned, and of what for."""
    return f"{attempt.created_at[:10]}-{order.training}-{attempt.upload_id[:8].lower()}-{attempt.number}"


def _judged(services: Services, order: Order, version: Version, new: Candidate) -> Verdict:
    gate, dnabert = order.job.gate, order.job.model == DNABERT
    current = current_candidate(services.s3, services.settings.results, version.model)
    return judge(new, current, gate.min_mcc if dnabert else gate.min_q3, gate.any_test)


def _figure(order: Order, made: Artifacts) -> float | None:
    """On the test split, as train.py's card has it; that of dnabert judges on the validation split."""
    if order.job.model == DNABERT:
        return made.metrics.get("validation", {}).get("eval_mcc")
    return made.card.get("metrics", {}).get("test_q3")


def _card(job: Job, attempt: Attempt, order: Order, made: Artifacts, found: dict) -> dict:
    """train.py's card, and what only we know."""
    use = made.config.get("seqdrop", {})
    labels = list(use.get("classes", "")) or list(class_names(made.config))
    data = {"digest": order.prepared.digest, "test_digest": order.prepared.test_digest, "counts": order.prepared.counts}
    return {
        **made.card,
        "model": made.card.get("model", order.job.model),
        "task": order.job.target,
        "digest": made.digest,
        "labels": labels,
        "metrics": made.card.get("metrics") or made.metrics,
        "data": {**data, "training": order.training, "uploads": {"job.toml": attempt.upload_id, **order.files}},
        "job": job.name,
        "job_toml": order.job.as_dict(),
        "code_digest": job.model_digest,
        "hyperparameters": json.loads(job.request)["HyperParameters"],
        "instance": json.loads(job.request)["ResourceConfig"]["InstanceType"],
        "image": json.loads(job.request)["AlgorithmSpecification"]["TrainingImage"],
        "billable_seconds": found.get("BillableTimeInSeconds"),
        "final_metrics": {one["MetricName"]: one["Value"] for one in found.get("FinalMetricDataList", [])},
    }


def _tell(services: Services, attempt: Attempt, version: Version, verdict: Verdict) -> None:
    upload = services.ledger.find_upload(attempt.upload_id)
    name = f"{version.model} {version.version}"
    now_is = "is now the current model" if verdict.passed else "is registered, and did not become the current model"
    services.notify(
        f"Seqdrop: {name} {now_is}",
        f"{upload.key} (upload {upload.id}) has trained {name}, which {now_is}: {verdict.why}.\n"
        f"Card: s3://{services.settings.results}/{version.card_key}\n"
        f"`seqdrop models use {version.model} VERSION` makes any registered version the current one.\n",
    )
