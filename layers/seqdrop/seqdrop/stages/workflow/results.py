"""What a lab finds after a workflow: summary.json of each file, outputs.json, and an entry in run.json."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seqdrop import __version__
from seqdrop.aws import keys
from seqdrop.kinds.plans import plan_of
from seqdrop.stages.runs.report import add_workflow

if TYPE_CHECKING:
    from seqdrop.aws.omics import OmicsRun
    from seqdrop.ledger.records import Attempt, Job, Upload
    from seqdrop.runtime.services import Services
    from seqdrop.stages.workflow.order import Order

MOST_LISTED = 1000  # outputs in a summary.json; outputs.json has all of them

Facts = dict[str, Any]


def describe_handover(sheet: str) -> Facts:
    """Return what summary.json says of a workflow that a launcher of the lab's own runs."""
    return {"way": "samplesheet", "samplesheet": sheet, "outputs": []}


def describe_outputs(services: Services, order: Order, run: OmicsRun) -> Facts:
    """Return what summary.json says of a run of HealthOmics, with the URI and the size in bytes of each output."""
    prefix = _output_prefix(services, order, run)
    pages = services.s3.get_paginator("list_objects_v2").paginate(Bucket=services.settings.results, Prefix=prefix)
    objects = [item for page in pages for item in page.get("Contents", []) if not item["Key"].endswith("/")]
    outputs = [{"uri": f"s3://{services.settings.results}/{item['Key']}", "bytes": item["Size"]} for item in objects]
    return {"way": "HealthOmics", **describe_run_facts(run), "outputs": outputs}


def describe_run_facts(run: OmicsRun) -> Facts:
    """Return what makes a run reproducible, as HealthOmics describes it; what the description lacks is left out."""
    names = {
        "arn": "arn",
        "uuid": "uuid",
        "workflow": "workflowId",
        "type": "workflowType",
        "version": "workflowVersionName",
        "digest": "digest",
        "engine_version": "engineVersion",
        "parameters": "parameters",
        "inputs": "resourceDigests",
        "log": "logLocation",
    }
    facts = {name: run.response[member] for name, member in names.items() if run.response.get(member)}
    times = {name: run.time(member) for name, member in (("started", "startTime"), ("stopped", "stopTime"))}
    return {"run": run.id, **facts, **{name: time.isoformat() for name, time in times.items() if time}}


def _output_prefix(services: Services, order: Order, run: OmicsRun) -> str:
    """Return the prefix of the run's outputs in the results bucket; HealthOmics may not name it."""
    bucket = f"s3://{services.settings.results}/"
    named = run.output_uri.removeprefix(bucket) if run.output_uri.startswith(bucket + order.prefix) else ""
    return (named or f"{order.prefix}{run.id}").rstrip("/") + "/"


def write_outputs(services: Services, order: Order, facts: Facts) -> None:
    """Write the list of all outputs."""
    services.put_json(services.settings.results, order.outputs_key, facts)


def write_summary(services: Services, job: Job, order: Order, member: Attempt, facts: Facts) -> None:
    """Write summary.json of a member: its file, the workflow, and its outputs."""
    upload = services.ledger.require_upload(member.upload_id)
    key = keys.result(member.analysis, member.upload_id, member.number, "summary.json")
    services.put_json(services.settings.results, key, _make_summary(services, job, order, member, upload, facts))


def _make_summary(
    services: Services, job: Job, order: Order, member: Attempt, upload: Upload, facts: Facts
) -> dict[str, object]:
    outputs = facts["outputs"]
    workflow = plan_of(member).workflow
    return {
        "seqdrop": __version__,
        "upload": {name: getattr(upload, name) for name in ("id", "key", "version_id", "sha256", "records")},
        "analysis": member.analysis,
        "attempt": member.number,
        "job": job.name,
        "workflow": {
            "id": workflow.id if workflow else "",
            "per": order.per,
            **{name: value for name, value in facts.items() if name != "outputs"},
        },
        "samples": order.samples,
        "sequencer_run": order.run,
        "files_together": order.inputs,
        "outputs": {
            "list": f"s3://{services.settings.results}/{order.outputs_key}",
            "files": len(outputs),
            "bytes": sum(output["bytes"] for output in outputs),
            "first": outputs[:MOST_LISTED],
        },
    }


def report_to_run(services: Services, job: Job, order: Order, state: str, facts: Facts, reason: str = "") -> None:
    """Add a job to run.json of its sequencer run, if it has one."""
    run = services.ledger.find_run(order.run_key) if order.run_key else None
    if run is None:
        return
    outputs = facts.get("outputs", [])
    entry = {
        "job": job.name,
        "state": state,
        "per": order.per,
        "samples": order.samples,
        "run": facts.get("run", ""),
        "outputs": f"s3://{services.settings.results}/{order.outputs_key}" if state == "DONE" else "",
        "files": len(outputs),
        "bytes": sum(output["bytes"] for output in outputs),
        "reason": reason,
    }
    add_workflow(services, run, entry)
