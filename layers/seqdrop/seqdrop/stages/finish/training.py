"""Register the model of a training job that has ended and apply the promotion gate, or report its failure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

from seqdrop.aws import keys
from seqdrop.companions.training_sets import reuse_line
from seqdrop.ledger.records import TRAIN, Attempt, Job
from seqdrop.models.archives import class_names
from seqdrop.models.artifacts import Artifacts, ModelNotFoundError, read_artifacts
from seqdrop.models.promotion import Candidate
from seqdrop.models.registry import Version
from seqdrop.runtime.log import logger
from seqdrop.sagemaker.client import Description, describe
from seqdrop.stages.finish.candidates import Registration, Trained, register_candidate
from seqdrop.stages.finish.model_baseline import keep_baseline
from seqdrop.stages.migration import check_migration
from seqdrop.stages.outcomes import fail_training
from seqdrop.stages.routing import enqueue_next
from seqdrop.training.jobfile import DNABERT, JOB
from seqdrop.training.request import Order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seqdrop.runtime.services import Services

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
    order, results = Order.from_json(attempt.plan), services.settings.results
    try:
        artifacts = read_artifacts(services.s3, services.settings.work, job.name)
    except ModelNotFoundError as error:
        return str(error)
    version = Version(order.model, version_of(attempt, order))
    check_migration(services, keys.model_pointer(version.model))
    files = _list_files(services, attempt, order)
    card, facts = _make_card(job, order, files, artifacts, response), _read_facts(order, artifacts)
    trained = Trained(artifacts.source, order, version, facts, {**card, "figure": facts.figure})
    registration = register_candidate(services, trained)
    keep_baseline(services, order.data, version)
    summary = {**registration.as_dict(), "card": trained.card}
    services.put_json(results, keys.training_result(attempt.upload_id, "summary.json"), summary)
    _mail_model(services, attempt.upload_id, order, registration, files)
    services.ledger.move(attempt, "TRAINED", reason=registration.verdict.why[:1000])
    return ""


def version_of(attempt: Attempt, order: Order) -> str:
    """Return the name of the model version that an attempt trains. One attempt always has the same name.

    It consists of the day on which the attempt was planned, the training's name, eight characters of the upload id, and
    the attempt's number.
    """
    return f"{attempt.created_at[:10]}-{order.training}-{attempt.upload_id[:8].lower()}-{attempt.number}"


def _read_facts(order: Order, artifacts: Artifacts) -> Candidate:
    """Return the facts that the gate uses. The figure is None if the training did not report it.

    The figure is Q3 on the test split, from the card of train.py; for dnabert it is the MCC on the validation split.
    """
    is_dnabert = order.job.model == DNABERT
    if is_dnabert:
        figure: float | None = artifacts.metrics.get("validation", {}).get("eval_mcc")
    else:
        figure = artifacts.card.get("metrics", {}).get("test_q3")
    metric, labels = "MCC" if is_dnabert else "Q3", class_names(artifacts.config)
    return Candidate(order.job.target, figure, order.prepared.test_digest, metric, labels)


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


def _mail_model(services: Services, upload_id: str, order: Order, registration: Registration, files: DataFiles) -> None:
    upload, version = services.ledger.require_upload(upload_id), registration.version
    name, status = f"{version.model} {version.version}", registration.status
    services.notify(
        f"Seqdrop: {name} {status}",
        f"The training of {upload.key} (upload {upload.id}) is complete. Its model {name} {status}: "
        f"{registration.verdict.why}.\n{_explain_status(services, order, registration)}\n"
        f"{_describe_files(files)}\n"
        f"To read its card:\n  aws s3 cp s3://{services.settings.models}/{version.card_key} -\n"
        f"{_advise_on_promotion(registration)}"
        "To train on the same data again: drop a job.toml with this line at its top, before the first table:\n"
        f"  {reuse_line(upload.id)}\n",
    )


def _explain_status(services: Services, order: Order, registration: Registration) -> str:
    """Return why a model is a candidate, and that job.toml cannot change it."""
    lines = ""
    if not registration.current and registration.verdict.passed:
        lines = "It passed the gate, but trained models of this name become current only when a person promotes them.\n"
    elif not registration.current:
        lines = "It did not pass the gate. Predictions do not use it.\n"
    if order.job.gate.any_test and not services.analyses.promotion_of(order.model).any_test:
        lines += "gate.any_test in job.toml has no effect; only analyses.toml may allow that comparison.\n"
    return lines


def _advise_on_promotion(registration: Registration) -> str:
    """Return the commands that change which version is the current model."""
    model = registration.version.model
    if registration.current:
        return f"To use the previous model again:\n  seqdrop models rollback {model}\n"
    return (
        f"To compare it with the current model, and then, with --yes, to make it current:\n  {registration.command}\n"
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
