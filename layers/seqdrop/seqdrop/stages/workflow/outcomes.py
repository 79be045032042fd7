"""The ends of a job and of its members: done, failed, or tried again. One mail tells of all files of a job.

The lab is notified before the ledger is written. A crash may therefore repeat a mail, but no mail is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.errors import JobRefusedError, RetryableError
from seqdrop.ledger.records import Step
from seqdrop.runtime.log import logger
from seqdrop.stages.job_slots import close_job
from seqdrop.stages.routing import enqueue_next
from seqdrop.stages.workflow import order as orders
from seqdrop.stages.workflow.results import report_to_run, write_outputs, write_summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seqdrop.ledger.records import Attempt, Job
    from seqdrop.runtime.services import Services
    from seqdrop.stages.workflow.order import Order
    from seqdrop.stages.workflow.results import Facts

LISTED = 10  # files that a mail names
TOGETHER = 45  # members that are tried again in one transaction, with two writes each


def complete(services: Services, job: Job, order: Order, facts: Facts) -> None:
    """Write the results of each member, move it to PREDICTED and enqueue its upload; then move the job to DONE."""
    write_outputs(services, order, facts)
    for member in find_members(services, job):
        write_summary(services, job, order, member, facts)
        if not services.ledger.move(member, "PREDICTED"):
            raise RetryableError(f"another invocation is resolving members of {job.name}")
    report_to_run(services, job, order, "DONE", facts)
    enqueue_uploads(services, job)
    close_job(services, job.name, "DONE")
    logger().info("job ended", extra={"job": job.name, "end": "DONE"})


def find_members(services: Services, job: Job) -> list[Attempt]:
    """Return the members that the job has claimed and that are not resolved yet."""
    attempts = [services.ledger.require_attempt(key) for key in job.members]
    return [attempt for attempt in attempts if attempt.state == "SUBMITTED" and attempt.job == job.name]


def enqueue_uploads(services: Services, job: Job) -> None:
    """Send the next message of each member's upload, also of one that was resolved before: it may have been lost."""
    for upload_id in dict.fromkeys(key.partition("-")[0] for key in job.members):
        if upload := services.ledger.find_upload(upload_id):
            enqueue_next(services, upload)


def fail_members(services: Services, members: Sequence[Attempt], reason: str, job: str = "") -> None:
    """Notify the lab of attempts without a workflow, and move them to FAILED, unless they have changed meanwhile."""
    if not members:
        return
    uploads = [services.ledger.require_upload(member.upload_id) for member in members]
    names = "".join(f"  {upload.key} (upload {upload.id})\n" for upload in uploads[:LISTED])
    names += f"  and {len(uploads) - LISTED:,} more\n" if len(uploads) > LISTED else ""
    again = " ".join(upload.id for upload in uploads[:LISTED])
    services.notify(
        f"Seqdrop: no workflow outputs for {uploads[0].key}",
        f"The workflow of the analysis {members[0].analysis} has no outputs for these files"
        f"{f' (job {job})' if job else ''}:\n{names}\nCause: {reason}\n\n"
        "The files are valid and were left in the landing bucket. When the cause is removed, try again:\n"
        f"  seqdrop replay {again} --yes\n"
        "Or archive the files without outputs:\n"
        f"  seqdrop release {again} --yes\n",
    )
    for member in members:
        services.ledger.move(member, "FAILED", reason=reason[:1000])
    logger().error("workflow failed", extra={"job": job, "members": len(members)})


def try_again(services: Services, job: Job, reason: str) -> None:
    """Move the members of a job to FAILED and plan their next attempts, without a mail.

    The next attempts are all planned before a message about one of them is sent, so that they share a job. Raise
    RetryableError if another invocation was first.
    """
    members = find_members(services, job)
    because = f"its run failed in HealthOmics, and it is tried again: {reason}"[:1000]
    for start in range(0, len(members), TOGETHER):
        part = members[start : start + TOGETHER]
        steps = [Step(member, "FAILED", {"reason": because}) for member in part]
        following = [member.next_attempt(f"{job.name}/0", member.lost + 1) for member in part]
        if not services.ledger.move_together(steps, following):
            raise RetryableError(f"another invocation is resolving members of {job.name}")


def close_refused(services: Services, name: str, reason: str) -> None:
    """Fail the members of a job that can never start, and move the job to FAILED."""
    job = services.ledger.require_job(name)
    fail_members(services, find_members(services, job), reason, name)
    try:
        report_to_run(services, job, orders.load(services, name), "FAILED", {}, reason)
    except JobRefusedError:
        logger().warning("order expired", extra={"job": name})
    enqueue_uploads(services, job)
    close_job(services, name, "FAILED", reason=reason[:1000])
