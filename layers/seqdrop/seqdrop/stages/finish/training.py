"""Register the model of a training job that has ended and apply the promotion gate, or report its failure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from seqdrop.aws import keys
from seqdrop.companions.training_sets import reuse_line
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
from seqdrop.training.jobfile import DNABERT, JOB
from seqdrop.training.request import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

# SageMaker's names of the cases in which it ends a job by itself, and what they mean to a lab.
SECONDARY_STATUS = {
    "MaxRuntimeExceeded": "it ran for max_seconds of its plan.json and was stopped; raise instance.max_hours, or "
    "budget_usd if its budget was used up (docs/training.md)",
    "MaxWaitTimeExceeded": "no spot machine was available for long enough; set instance.spot = false, or wait",
}


class DataFiles(TypedDict):
    """The files of a training as its card lists them, by name; `reuse` as in job.toml."""

    training: str
    uploads: dict[str, str]
    sha256: dict[str, str]
    reuse: str


def finish_training(services: Services, job: Job) -> None:
    """Resolve a training job that has ended. Do nothing if it still runs.

    If the job was resolved before, only enqueue its uploads again: a message may have been lost.
    """
    description = describe(services.sagemaker, TRAIN, job.name)
    state = description.end
    if state is None:
        return
    attempt = services.ledger.require_attempt(job.members[0])
    reason = "" if state == "DONE" else _explain(description)
    if attempt.state == "SUBMITTED" and attempt.job == job.name:
        reason = reason or _register(services, job, attempt, description.response)
        if reason:
            fail_training(services, attempt, reason)
    _enqueue_files(services, attempt)
    if job.state in ("PLANNED", "STARTED"):
        services.ledger.move(job, state, reason=reason[:1000])
    logger().info("job ended", extra={"job": job.name, "end": state})


def _enqueue_files(services: Services, attempt: Attempt) -> None:
    """Enqueue job.toml and its data files. The record of a file in a final state may have expired."""
    for upload_id in (attempt.upload_id, *Order.from_json(attempt.plan).files.values()):
        upload = services.ledger.find_upload(upload_id)
        if upload:
            enqueue_next(services, upload)


def _explain(description: Description) -> str:
    """Return why the job ended, in words that a lab understands."""
    response = description.response
    status = response.get("SecondaryStatus", "")
    return response.get("FailureReason") or SECONDARY_STATUS.get(status, description.reason)


def _register(services: Services, job: Job, attempt: Attempt, response: Mapping[str, Any]) -> str:
    """Register the model and move the attempt to TRAINED. Return why there is no model; "" if there is one."""
    order, s3, models = Order.from_json(attempt.plan), services.s3, services.settings.models
    try:
        artifacts = read_artifacts(s3, services.settings.work, job.name)
    except ModelNotFoundError as error:
        return str(error)
    version = Version(order.model, version_of(attempt, order))
    metric = "MCC" if order.job.model == DNABERT else "Q3"
    new = Candidate(order.job.target, _read_figure(order, artifacts), order.prepared.test_digest, metric)
    files = _list_files(services, attempt, order)
    card = {**_make_card(job, order, files, artifacts, response), "figure": new.figure}
    register(s3, services.settings.work, keys.trained_archive(job.name), models, version, card)
    verdict = _judge(services, order, version, new)
    if verdict.passed:
        make_current(s3, models, version, now())
    summary = {"model": version.model, "version": version.version, "current": verdict.passed, "why": verdict.why}
    key = keys.training_result(attempt.upload_id, "summary.json")
    services.put_json(services.settings.results, key, {**summary, "card": card})
    _mail_model(services, attempt.upload_id, version, verdict, files)
    services.ledger.move(attempt, "TRAINED", reason=verdict.why[:1000])
    return ""


def version_of(attempt: Attempt, order: Order) -> str:
    """Return the name of the model version that an attempt trains. One attempt always has the same name.

    It consists of the day on which the attempt was planned, the training's name, eight characters of the upload id, and
    the attempt's number.
    """
    return f"{attempt.created_at[:10]}-{order.training}-{attempt.upload_id[:8].lower()}-{attempt.number}"


def _judge(services: Services, order: Order, version: Version, new: Candidate) -> Verdict:
    gate, dnabert = order.job.gate, order.job.model == DNABERT
    current = current_candidate(services.s3, services.settings.models, version.model)
    return judge(new, current, gate.min_mcc if dnabert else gate.min_q3, gate.any_test)


def _read_figure(order: Order, artifacts: Artifacts) -> float | None:
    """Return the figure that the promotion gate compares; None if the training did not report it.

    It is Q3 on the test split, from the card of train.py; for dnabert it is the MCC on the validation split.
    """
    if order.job.model == DNABERT:
        figure: float | None = artifacts.metrics.get("validation", {}).get("eval_mcc")
    else:
        figure = artifacts.card.get("metrics", {}).get("test_q3")
    return figure


def _list_files(services: Services, attempt: Attempt, order: Order) -> DataFiles:
    """Return the files of a training. A file whose record has expired has no SHA-256."""
    uploads = {JOB: attempt.upload_id, **order.files}
    records = {name: services.ledger.find_upload(upload_id) for name, upload_id in uploads.items()}
    return {
        "training": order.training,
        "uploads": uploads,
        "sha256": {name: record.sha256 for name, record in records.items() if record and record.sha256},
        "reuse": order.job.reuse,
    }


def _make_card(
    job: Job, order: Order, files: DataFiles, artifacts: Artifacts, response: Mapping[str, Any]
) -> dict[str, object]:
    """Return the card that train.py wrote, with the facts about the job, the data and the registration added."""
    config, request = artifacts.config.get("seqdrop", {}), json.loads(job.request)
    labels = list(config.get("classes", "")) or list(class_names(artifacts.config))
    data = {"digest": order.prepared.digest, "test_digest": order.prepared.test_digest, "counts": order.prepared.counts}
    return {
        **artifacts.card,
        "model": artifacts.card.get("model", order.job.model),
        "task": order.job.target,
        "digest": artifacts.digest,
        "labels": labels,
        "metrics": artifacts.card.get("metrics") or artifacts.metrics,
        "data": {**data, **files},
        "job": job.name,
        "job_toml": order.job.as_dict(),
        "code_digest": job.model_digest,
        "hyperparameters": request["HyperParameters"],
        "instance": request["ResourceConfig"]["InstanceType"],
        "image": request["AlgorithmSpecification"]["TrainingImage"],
        "billable_seconds": response.get("BillableTimeInSeconds"),
        "final_metrics": {metric["MetricName"]: metric["Value"] for metric in response.get("FinalMetricDataList", [])},
    }


def _mail_model(services: Services, upload_id: str, version: Version, verdict: Verdict, files: DataFiles) -> None:
    upload = services.ledger.require_upload(upload_id)
    name, models = f"{version.model} {version.version}", services.settings.models
    status = "is now the current model" if verdict.passed else "is registered, and did not become the current model"
    services.notify(
        f"Seqdrop: {name} {status}",
        f"The training of {upload.key} (upload {upload.id}) is complete. Its model {name} {status}: {verdict.why}.\n\n"
        f"{_describe_files(files)}\n"
        f"To read its card:\n  aws s3 cp s3://{models}/{version.card_key} -\n"
        f"To make this version, or any other registered one, the current model:\n"
        f"  seqdrop models use {version.model} {version.version}\n"
        "To train on the same data again: drop a job.toml with this line at its top, before the first table:\n"
        f"  {reuse_line(upload.id)}\n",
    )


def _describe_files(files: DataFiles) -> str:
    """Return a line for each file of a training, and where its data files are from."""
    origin = (
        f"The data files are those of an earlier training: {reuse_line(files['reuse'])}.\n" if files["reuse"] else ""
    )
    lines = [
        f"  {name}: upload {upload_id}, SHA-256 {files['sha256'].get(name, 'not known any more')}\n"
        for name, upload_id in files["uploads"].items()
    ]
    return "It was trained on these files:\n" + "".join(lines) + origin
