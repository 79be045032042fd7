"""The reconciler finds work whose event was lost, and sends its message again. It may run beside all other functions.

It looks for uploads without a record, records that stay too long in a state, jobs whose end was not reported, and
attempts that their ended job left unresolved; once an hour it also does what housekeeping.py lists. It creates the
records of uploads whose event was lost, orders SageMaker to stop transform jobs at their limit, and moves nothing: the
stage that receives a message handles it like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ARCHIVE_OBJECT, ATTEMPT, ENDS, JOB, OPEN, RESTORE, RUN, UPLOAD
from seqdrop.ledger.records import ASYNC, EXAMINE, TRAIN, WORKFLOW, Attempt, Job, Upload
from seqdrop.runtime.events import make_inference_message, make_job_ended_message, make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.messages import make_free_slots_message
from seqdrop.runtime.services import Services, minutes_ago, now
from seqdrop.runtime.tracing import span
from seqdrop.sagemaker.async_requests import Order
from seqdrop.sagemaker.client import describe
from seqdrop.stages.job_slots import count_free_slots
from seqdrop.stages.lease import COPYING, READING
from seqdrop.stages.reconcile.backlog import shortest_wait
from seqdrop.stages.reconcile.due_runs import judge_due_runs, leave_out_waiting
from seqdrop.stages.reconcile.endings import count_endings
from seqdrop.stages.reconcile.forgetting import check_forgetting
from seqdrop.stages.reconcile.gauges import GAUGES, find_empty_states, measure
from seqdrop.stages.reconcile.nudge import Due, nudge_all, select_stalled
from seqdrop.stages.reconcile.overdue import monitor_waiting
from seqdrop.stages.reconcile.overtime import stop_overtime
from seqdrop.stages.reconcile.portions import next_portion
from seqdrop.stages.reconcile.restores import check_restores
from seqdrop.stages.reconcile.unrecorded import record_unrecorded
from seqdrop.stages.routing import is_gated, next_messages
from seqdrop.stages.start_processing.tries import find_last_job, is_final

if TYPE_CHECKING:
    from seqdrop.runtime.messages import Body
    from seqdrop.stages.reconcile.check import Check


def reconcile(services: Services, *, is_housekeeping: bool = True) -> dict[str, float]:
    """Run the checks, with `is_housekeeping` those of HOUSEKEEPING too. Return counts by the names of the checks.

    The counts are of messages, mails, records and jobs; "errors" is the number of checks that failed. An error of one
    check is logged and does not affect the others. The gauges and the check "endings" return the figures of the
    dashboard by their own names.
    """
    counts = {"errors": 0.0}
    _run(services, counts, "gauges", measure)
    empty = find_empty_states(counts)
    for name, check in _select_checks(is_housekeeping).items():
        if STATES_OF.get(name, {None}) <= empty:
            counts[name] = 0
        else:
            _run(services, counts, name, check)
    logger().info("reconciled", extra=counts)
    return counts


def _run(services: Services, counts: dict[str, float], name: str, check: Check) -> None:
    """Add what a check returns to `counts`; log its error, if it raises one."""
    log = logger()
    try:
        with span(name):
            result = check(services)
    except Exception:
        log.exception("not reconciled", extra={"what": name})
        counts["errors"] += 1
    else:
        counts.update(result if isinstance(result, Mapping) else {name: result})


def _select_checks(is_housekeeping: bool) -> dict[str, Check]:
    if not is_housekeeping:
        return CHECKS
    from seqdrop.stages.reconcile.housekeeping import HOUSEKEEPING  # one run of twelve needs its modules

    return CHECKS | HOUSEKEEPING


def _check_validated(services: Services) -> int:
    """Nudge stalled uploads that are VALIDATED.

    Files that wait for a run whose record says when to look again are left out. There may be very many of them, so they
    are read a portion at a time.
    """
    due = leave_out_waiting(services, next_portion(services, "validated", "VALIDATED"))
    return nudge_all(services, select_stalled(services, due), _validated)


def select_published(counts: Mapping[str, float]) -> dict[str, float]:
    """Return the counts to publish as metrics: gauges and errors always, what was done only if something was done.

    A metric costs money for each hour in which it is published, also as 0. CloudWatch adds up what is there.
    """
    return {name: count for name, count in counts.items() if count or name in ALWAYS}


def _copy_earlier_models(services: Services) -> dict[str, int]:
    """Copy models of an earlier version. Return no count: each is a metric that costs money, and this work ends."""
    from seqdrop.stages.migration import migrate

    migrate(services)
    return {}


def _check_forgetting(services: Services) -> dict[str, int]:
    """Send the messages of deletions that are due. Return no count: each is a metric that costs money for ever."""
    check_forgetting(services)
    return {}


def _publish_events(services: Services) -> dict[str, int]:
    """Send events to the bus, if the stack has one. Return no count, as above. Few stacks need its modules."""
    if services.settings.event_bus:
        from seqdrop.stages.reconcile.publishing import publish_events

        publish_events(services)
    return {}


def _check_received(services: Services) -> int:
    """Nudge stalled uploads that were not read yet. The records of a backlog are many, so they are not even read."""
    wait = shortest_wait(services, services.settings.validate_queue)
    records = services.ledger.in_state(UPLOAD, "RECEIVED", minutes_ago(wait))
    return nudge_all(services, select_stalled(services, records), _received)


def _attempts(state: str, find_due: Callable[[Services, Attempt], Due]) -> Check:
    """Return the check that nudges stalled attempts in a state."""

    def check(services: Services) -> int:
        records = services.ledger.in_state(ATTEMPT, state, _stale_since(services))
        return nudge_all(services, select_stalled(services, records), find_due)

    return check


def _jobs(state: str, find_due: Callable[[Services, Job], Due]) -> Check:
    """Return the check that nudges stalled jobs in a state."""

    def check(services: Services) -> int:
        records = services.ledger.in_state(JOB, state, _stale_since(services))
        return nudge_all(services, select_stalled(services, records), find_due)

    return check


def _stale_since(services: Services) -> str:
    return minutes_ago(services.settings.stale_minutes)


def _received(services: Services, upload: Upload) -> Due:
    """Return the message of an upload whose event was lost, or whose invocation crashed.

    Nothing is due while an invocation reads the upload, or a job examines it, since jobs have checks of their own, or
    after the lab was notified that no other job will be tried.
    """
    if READING.is_held(upload):
        return Due()
    job = find_last_job(services.ledger, upload)
    if job and job.state != "DONE" and (job.state in OPEN[JOB] or is_final(job, job.state)):
        return Due()
    return Due([(services.settings.validate_queue, make_landed_message(upload.version))])


def _validated(services: Services, upload: Upload) -> Due:
    """Return the message of an upload that waits for its run, may be archived, or has an attempt that failed.

    If its attempt failed, the object may have been deleted since; archive checks that. Nothing is due while an
    invocation copies it in parts.
    """
    if COPYING.is_held(upload):
        return Due()
    attempts, to_archive = services.ledger.deciding_attempts(upload), services.settings.archive_queue
    if is_gated(services.ledger, services.analyses, upload, attempts):  # stages/validate/run_gate.py monitors it
        return Due([(services.settings.validate_queue, make_landed_message(upload.version))], quiet=True)
    if messages := [message for message in next_messages(services, upload) if message[0] == to_archive]:
        return Due(messages)
    if all(attempt.state in ENDS[ATTEMPT] for attempt in attempts):
        return Due([(to_archive, {"upload": upload.id})], quiet=True)
    return Due()


def _planned(services: Services, attempt: Attempt) -> Due:
    messages = next_messages(services, services.ledger.require_upload(attempt.upload_id))
    return Due([message for message in messages if message[1].get("attempt") == attempt.key])


def _submitted(services: Services, attempt: Attempt) -> Due:
    """Return the message of an attempt whose job has ended and left it unresolved."""
    job = services.ledger.find_job(attempt.job)
    if job is None or job.state in OPEN[JOB]:
        return Due()
    return _ended(services, job)


def _ended(services: Services, job: Job) -> Due:
    """Return the message that has finish look at a job."""
    if job.task == WORKFLOW:
        return Due([(services.settings.workflow_queue, {"job": job.name})])
    if job.task == ASYNC:
        body: Body = make_inference_message(Order.of(job).invocations[0]["InferenceId"])
    else:
        body = make_job_ended_message(job.name, job.task)
    return Due([(services.settings.finish_queue, body)])


def _unstarted_jobs(services: Services) -> int:
    """Nudge jobs that a crash left PLANNED, and jobs that waited for SageMaker capacity and are due again."""
    planned, stale_since = list(services.ledger.in_state(JOB, "PLANNED")), _stale_since(services)
    postponed = (job for job in planned if job.due_at and job.due_at <= now())
    stalled = select_stalled(services, (job for job in planned if job.moved_at < stale_since))
    crashed = (job for job in stalled if not job.due_at)
    return nudge_all(services, postponed, _start) + nudge_all(services, crashed, _start)


def _start(services: Services, job: Job) -> Due:
    if job.task == EXAMINE:
        return Due([(services.settings.processing_queue, {"upload": job.upload})])
    if job.task == WORKFLOW:
        return Due([(services.settings.workflow_queue, {"job": job.name})])
    queue = services.settings.training_queue if job.task == TRAIN else services.settings.transform_queue
    return Due([(queue, {"job": job.name})])


def _started(services: Services, job: Job) -> Due:
    """Return the message of a job that SageMaker describes as ended: its event was lost."""
    if job.task == ASYNC:
        # It knows all kinds of analysis, which take 50 ms to import; most runs have no such job.
        from seqdrop.stages.async_progress import find_progress

        end = find_progress(services, job, services.ledger.require_attempt(job.members[0])).end
    elif job.task == WORKFLOW:
        from seqdrop.aws.omics import describe_run  # most stacks have no such job

        end = describe_run(services.omics, job.run_id).end
    else:
        end = describe(services.sagemaker, job.task, job.name).end
    return _ended(services, job) if end else Due()


def _waiting_for_slots(services: Services) -> int:
    """Report free job slots to start_transform if attempts wait for them; return the number of messages."""
    if next(services.ledger.in_state(ATTEMPT, "WAITING"), None) is None or not count_free_slots(services):
        return 0
    services.send(services.settings.transform_queue, make_free_slots_message("reconcile"))
    return 1


# The check of each state from which a record may still move, and its name in the metrics.
STATE_CHECKS: dict[tuple[str, str], tuple[str, Check]] = {
    (UPLOAD, "RECEIVED"): ("received", _check_received),
    (UPLOAD, "WAITING"): ("waiting", monitor_waiting),
    (UPLOAD, "VALIDATED"): ("validated", _check_validated),
    (UPLOAD, "FORGETTING"): ("forgetting", _check_forgetting),
    (ATTEMPT, "PLANNED"): ("planned", _attempts("PLANNED", _planned)),
    (ATTEMPT, "WAITING"): ("waiting_for_room", _waiting_for_slots),
    (ATTEMPT, "SUBMITTED"): ("submitted", _attempts("SUBMITTED", _submitted)),
    (JOB, "PLANNED"): ("unstarted_jobs", _unstarted_jobs),
    (JOB, "STARTED"): ("started_jobs", _jobs("STARTED", _started)),
    **{(RUN, state): ("runs", judge_due_runs) for state in OPEN[RUN]},
    **{(RESTORE, state): ("restores", check_restores) for state in OPEN[RESTORE]},
    (ARCHIVE_OBJECT, "RESTORING"): ("restores", check_restores),
}

# Built from the table of moves: if a state has no check, the import of this module fails.
CHECKS: dict[str, Check] = dict(STATE_CHECKS[kind, state] for kind, states in OPEN.items() for state in states) | {
    "stopped_jobs": stop_overtime,
    "unrecorded": record_unrecorded,
    "migrated": _copy_earlier_models,
    "endings": count_endings,
    "events": _publish_events,
}

# The states whose records a check reads. Without such records it is not run.
STATES_OF: dict[str, set[tuple[str, str]]] = {"stopped_jobs": {(JOB, "STARTED")}}
for _place, (_name, _) in STATE_CHECKS.items():
    STATES_OF.setdefault(_name, set()).add(_place)

# Metrics that are published also as 0: an alarm, or the dashboard, reads their last value.
ALWAYS = frozenset({"errors", *GAUGES})
