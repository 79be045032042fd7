"""The end of a run of HealthOmics: list its outputs, or say why it failed; then let the files advance.

HealthOmics is asked for the status, because an event may be late, come twice or report another run of the account.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seqdrop.aws.omics import describe_run
from seqdrop.errors import JobRefusedError
from seqdrop.ledger.moves import JOB, OPEN
from seqdrop.ledger.records import WORKFLOW
from seqdrop.runtime.log import logger
from seqdrop.stages.job_slots import close_job
from seqdrop.stages.workflow import order as orders
from seqdrop.stages.workflow.outcomes import complete, enqueue_uploads, fail_members, find_members, try_again
from seqdrop.stages.workflow.results import describe_outputs, report_to_run
from seqdrop.stages.workflow.start import check_inputs, launch

if TYPE_CHECKING:
    from seqdrop.aws.omics import OmicsRun
    from seqdrop.ledger.records import Job
    from seqdrop.runtime.services import Services
    from seqdrop.stages.workflow.order import Order

# Reasons of HealthOmics that have nothing to do with the workflow: the same request may succeed another time.
PASSING = re.compile(r"^(?:SERVICE_ERROR|INSTANCE_RESERVATION_FAILED)\b")
MAX_LOST = 3  # how often in a row such a failure is tried again; then a person must act


def finish_run(services: Services, run_id: str) -> None:
    """Resolve the job of the run with this id, if it has ended. Do nothing for a run that Seqdrop did not start."""
    run = describe_run(services.omics, run_id)
    job = services.ledger.find_job(run.name) if run.name else None
    if job and job.task == WORKFLOW and job.run_id in ("", run.id):
        _finish(services, job, run)


def advance_job(services: Services, name: str) -> None:
    """Start a PLANNED job, or resolve a STARTED one whose run has ended."""
    job = services.ledger.find_job(name)
    if job is None or job.task != WORKFLOW:
        return
    if job.state == "PLANNED":
        launch(services, name)
    elif job.state in OPEN[JOB]:
        _finish(services, job, describe_run(services.omics, job.run_id))
    else:
        enqueue_uploads(services, job)


def _finish(services: Services, job: Job, run: OmicsRun) -> None:
    if run.end is None:
        return None
    if job.state not in OPEN[JOB]:
        return enqueue_uploads(services, job)
    try:
        order = orders.load(services, job.name)
        if run.end == "DONE":
            check_inputs(services, order, find_read(order, run))
            return complete(services, job, order, describe_outputs(services, order, run))
    except JobRefusedError as error:
        return _fail(services, job, "FAILED", str(error))
    return _fail(services, job, run.end, run.reason)


def find_read(order: Order, run: OmicsRun) -> set[str]:
    """Return the keys of files whose accepted bytes HealthOmics certainly read.

    It describes what it imported by ETag; files that are named in a sample sheet only may be left out. Raise
    JobRefusedError if it read other bytes.
    """
    read = set()
    for each in order.inputs:
        digest = run.digests.get(f"s3://{each['bucket']}/{each['key']}", "").removeprefix("etag:").strip('"')
        if digest and digest != each["etag"]:
            raise JobRefusedError(f"{each['key']} was replaced before its workflow read it; its outputs are not used")
        if digest:
            read.add(each["key"])
    return read


def _fail(services: Services, job: Job, state: str, reason: str) -> None:
    """Fail the members of a job, or try them again; then end the job."""
    members = find_members(services, job)
    if state == "FAILED" and PASSING.search(reason) and all(member.lost < MAX_LOST for member in members):
        try_again(services, job, reason)
    else:
        fail_members(services, members, reason, job.name)
    try:
        report_to_run(services, job, orders.load(services, job.name), state, {"run": job.run_id}, reason)
    except JobRefusedError:
        logger().warning("order expired", extra={"job": job.name})
    enqueue_uploads(services, job)
    close_job(services, job.name, state, reason=reason[:1000])
    logger().info("job ended", extra={"job": job.name, "end": state})
