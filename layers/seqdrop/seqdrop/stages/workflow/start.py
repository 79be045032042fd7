"""Start a workflow: claim the attempts of its files, reserve a time, and call HealthOmics or write a sample sheet.

A job is in the ledger, with its members claimed, before HealthOmics is called. Its name is the token of StartRun, so a
start that is repeated after a crash returns the run that exists.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from seqdrop.aws.errors import (
    is_contradiction,
    is_denied,
    is_invalid,
    is_quota,
    is_throttle,
    is_unknown_resource,
    message_of,
)
from seqdrop.aws.omics import find_run_named
from seqdrop.config.workflow import RUN
from seqdrop.errors import JobRefusedError, RetryableError
from seqdrop.kinds.plans import plan_of
from seqdrop.ledger.records import WORKFLOW, Attempt, Job, Step
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import minutes_ago
from seqdrop.runtime.tracing import span
from seqdrop.sagemaker.names import job_name
from seqdrop.stages.backoff import is_due, postpone
from seqdrop.stages.workflow import order as orders
from seqdrop.stages.workflow.launcher import hand_over
from seqdrop.stages.workflow.members import BeingReadError, find_current, find_group
from seqdrop.stages.workflow.outcomes import close_refused, fail_members
from seqdrop.stages.workflow.pace import reserve, send_when_due

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from seqdrop.config.analyses import Analysis
    from seqdrop.runtime.services import Services
    from seqdrop.stages.workflow.members import Group
    from seqdrop.stages.workflow.order import Order

CLAIMED_AT_ONCE = 90  # members; a transaction of the ledger holds 100 records
LOOK_AGAIN = 60  # seconds
SOON = 15  # minutes after an attempt was planned, in which it is looked at again
MAX_TRIES = 5  # a try fails only if another invocation claimed a member
DENIED = (
    "IAM does not allow this run: the role of the function, or the role that it passes, was changed, or the workflow "
    "is not shared with this account. docs/workflows.md lists what both need"
)


def start(services: Services, attempt_key: str) -> None:
    """Put a PLANNED attempt into a job, with the others of its sample or run, and start the job.

    Start the job of an attempt that is SUBMITTED again. Attempts in other states are left alone. Raise RetryableError
    if other invocations kept claiming its members.

    While a file of its sample is being read, the attempt stays PLANNED. It is looked at again after LOOK_AGAIN, and by
    the reconciler when it has been PLANNED for long.
    """
    try:
        _start(services, attempt_key)
    except BeingReadError:
        attempt = services.ledger.require_attempt(attempt_key)
        if attempt.moved_at > minutes_ago(SOON):
            services.send(services.settings.workflow_queue, {"attempt": attempt_key}, LOOK_AGAIN)


def _start(services: Services, attempt_key: str) -> None:
    for _ in range(MAX_TRIES):
        attempt = services.ledger.find_attempt(attempt_key)
        if attempt is None or attempt.state not in ("PLANNED", "SUBMITTED"):
            return None
        name = attempt.job if attempt.state == "SUBMITTED" else _claim(services, attempt)
        if name:
            return launch(services, name)
    raise RetryableError(f"other invocations kept claiming the sample of {attempt_key}")


def _claim(services: Services, attempt: Attempt) -> str:
    """Record a job for the group of an attempt; return its name, "" if another try must look at the attempt again."""
    analysis = plan_of(attempt)
    group = find_group(services, attempt, analysis)
    planned = _find_planned(services, attempt, group)
    if refused := _find_refused(services, attempt, group, planned):
        fail_members(services, refused[0], refused[1])
        return ""
    members = [member for member in planned if member.upload_id in _ids_inside(group)]
    try:
        return _record(services, analysis, group, members)
    except JobRefusedError as error:
        fail_members(services, members, str(error))
        return ""


def _find_planned(services: Services, attempt: Attempt, group: Group) -> list[Attempt]:
    """Return the PLANNED attempts of the group's files, sorted, this one among them."""
    attempts = {attempt.key: attempt}
    for upload in group.uploads:
        for other in services.ledger.attempts(upload.id):
            if other.state == "PLANNED" and other.analysis == attempt.analysis:
                attempts[other.key] = other
    return [attempts[key] for key in sorted(attempts)]


def _ids_inside(group: Group) -> set[str]:
    inside = {uri for sample in group.samples for uri in sample.files}
    return {upload.id for upload in group.uploads if f"s3://{upload.bucket}/{upload.key}" in inside}


def _find_refused(
    services: Services, attempt: Attempt, group: Group, planned: list[Attempt]
) -> tuple[list[Attempt], str] | None:
    """Return the attempts of files that cannot be used, and why; None if there are none."""
    inside = _ids_inside(group)
    outside = [member for member in planned if member.upload_id not in inside]
    if not outside:
        return None
    upload = services.ledger.require_upload(attempt.upload_id)
    if attempt in outside and all(upload.id != each.id for each in group.uploads):
        return [attempt], "a newer version of its file landed, which gets a run of its own, or its file was deleted"
    reasons = "; ".join(group.missing.values())
    return outside, f"its sample is incomplete: {reasons}" if reasons else "its file is in no sample"


def _record(services: Services, analysis: Analysis, group: Group, members: list[Attempt]) -> str:
    """Record the job of these members and claim them; return its name, "" if another invocation claimed one first.

    The members of a large run are claimed in several transactions. A record that all such claims write makes sure that
    one job after the other claims.
    """
    name = job_name(members)
    order = orders.make_order(services.settings, analysis, group, members, name)
    is_run = bool(analysis.workflow and analysis.workflow.per == RUN and group.run)
    turn = services.ledger.file_set(WORKFLOW, f"{group.run.id}#{analysis.name}") if is_run and group.run else None
    if turn and (earlier := services.ledger.find_job(turn.text("job"))) and earlier.state == "PLANNED":
        claim_rest(services, earlier)
    orders.save(services, name, order)
    steps = [Step(member, "SUBMITTED", {"job": name}) for member in members[:CLAIMED_AT_ONCE]]
    job = Job(
        "PLANNED",
        name=name,
        task=WORKFLOW,
        analysis=analysis.name,
        members=[member.key for member in members],
        request=json.dumps({"workflow": analysis.workflow.id if analysis.workflow else ""}),
        tags=dict(order.request.get("tags", {})),
    )
    shared = turn.with_facts(job=name) if turn else None
    return name if services.ledger.move_together(steps, [job], shared) else ""


def claim_rest(services: Services, job: Job) -> None:
    """Claim the members of a job that its record lists and that are not claimed yet.

    Raise RetryableError if another invocation changed one of them at the same moment.
    """
    for part in _parts(job.members[CLAIMED_AT_ONCE:]):
        attempts = [services.ledger.require_attempt(key) for key in part]
        steps = [Step(member, "SUBMITTED", {"job": job.name}) for member in attempts if member.state == "PLANNED"]
        if steps and not services.ledger.move_together(steps):
            raise RetryableError(f"another invocation is claiming members of the job {job.name}")


def _parts(members: Sequence[str]) -> Iterator[Sequence[str]]:
    for start_at in range(0, len(members), CLAIMED_AT_ONCE):
        yield members[start_at : start_at + CLAIMED_AT_ONCE]


def launch(services: Services, name: str) -> None:
    """Start a PLANNED job that is due; the call may be repeated after any crash."""
    with span("launch", job=name):
        job = services.ledger.find_job(name)
        if job is None or job.task != WORKFLOW or job.state != "PLANNED":
            return
        try:
            _launch(services, job)
        except JobRefusedError as error:
            close_refused(services, name, str(error))


def _launch(services: Services, job: Job) -> None:
    if job.due_at and not is_due(job):
        return send_when_due(services, job)
    claim_rest(services, job)
    order = orders.load(services, job.name)
    if order.request and not job.due_at:
        job = reserve(services, job)
        if job.state != "PLANNED":
            return None  # another invocation has started it
        if not is_due(job):
            return send_when_due(services, job)
    check_inputs(services, order)
    if order.sheet:
        body = order.sheet.encode()
        services.s3.put_object(
            Bucket=services.settings.results, Key=order.sheet_key, Body=body, ContentType="text/csv; charset=utf-8"
        )
    if not order.request:
        return hand_over(services, job, order)
    return _start_run(services, job, order.request)


def check_inputs(services: Services, order: Order, known: Collection[str] = ()) -> None:
    """Raise JobRefusedError unless the current version of each file is the one that was accepted.

    Files whose keys are in `known` are not looked at.
    """
    files = {each["key"]: each["id"] for each in order.inputs if each["key"] not in known}
    current = find_current(services, order.inputs[0]["bucket"], files)
    for key, identity in files.items():
        if key not in current or current[key].id != identity:
            raise JobRefusedError(
                f"{key} was replaced or deleted before its workflow had ended, and a workflow reads files by name; a "
                "newer version gets a run of its own"
            )


def _start_run(services: Services, job: Job, request: dict[str, Any]) -> None:
    """Start the run of a job, or adopt the one that exists, and move the job to STARTED; or let it wait."""
    try:
        identity = services.omics.start_run(**request)["id"]
    except ClientError as error:
        if is_throttle(error):
            return send_when_due(services, reserve(services, job, again=True))
        if is_quota(error):
            return postpone(services, job)
        identity = find_run_named(services.omics, job.name) if is_contradiction(error) else ""
        if not identity:
            raise _refusal(error) from error
    services.ledger.move(job, "STARTED", run_id=identity)
    logger().info("run started", extra={"job": job.name, "run_id": identity, "members": len(job.members)})
    return None


def _refusal(error: ClientError) -> Exception:
    """Return the error to raise for a start that HealthOmics refused: permanent, or the same one if it may pass."""
    if is_denied(error):
        return JobRefusedError(f"{DENIED} ({message_of(error)})")
    if is_invalid(error) or is_unknown_resource(error) or is_contradiction(error):
        return JobRefusedError(f"HealthOmics refused the run: {message_of(error)}")
    return error
