"""What an event missed is found, and put back on its road. Safe beside everything else.

It looks for uploads without a record, records that stand too long in a state, jobs whose end was not announced, results
without an end, and archives without a receipt. It moves nothing itself: it sends the message that was lost, and the
stage that gets it does what it always does.
"""

from __future__ import annotations

from collections.abc import Callable

from seqdrop.ledger.moves import ATTEMPT, ENDS, JOB, OPEN, UPLOAD
from seqdrop.ledger.records import EXAMINE, TRAIN, Attempt, Job, Upload
from seqdrop.runtime.events import make_job_ended_message, make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.sagemaker.client import describe
from seqdrop.stages.archive.receipts import send_unreceipted
from seqdrop.stages.job_slots import count_free_slots
from seqdrop.stages.reconcile.nudge import Due, push_all, standing
from seqdrop.stages.reconcile.overdue import attend, tell_of_runs
from seqdrop.stages.reconcile.unrecorded import send_unrecorded
from seqdrop.stages.routing import is_gated, next_messages
from seqdrop.stages.start_processing.processing_job import find_last_job, is_final


def reconcile(services: Services) -> dict[str, int]:
    """Put everything back on its road. Answers how many of each were, and of how many the lab was told."""
    counts: dict[str, int] = {"errors": 0}
    for name, look in LOOKS.items():
        try:
            found = look(services)
            counts |= found if isinstance(found, dict) else {name: found}
        except Exception:
            logger().exception("not reconciled", extra={"what": name})
            counts["errors"] += 1
    logger().info("reconciled", extra=counts)
    return counts


def _standing(kind: str, state: str, due: Callable) -> Callable[[Services], int]:
    return lambda services: push_all(services, standing(services, kind, state), due)


def _received(services: Services, upload: Upload) -> Due:
    """Its event was lost on the way, or what read it died; a job that examines it is looked after by itself."""
    job = find_last_job(services.ledger, upload)
    if job and job.state != "DONE" and (job.state in OPEN[JOB] or is_final(job, job.state)):
        return Due()  # or the lab was told that no other job will
    return Due([(services.settings.validate_queue, make_landed_message(upload.version))])


def _validated(services: Services, upload: Upload) -> Due:
    """It waits for its run; it has all it came for; or an attempt failed, and it may have been deleted since."""
    attempts, to_archive = services.ledger.deciding_attempts(upload), services.settings.archive_queue
    if is_gated(services.ledger, services.analyses, upload, attempts):  # validate looks after it
        return Due([(services.settings.validate_queue, make_landed_message(upload.version))], quiet=True)
    if found := [message for message in next_messages(services, upload) if message[0] == to_archive]:
        return Due(found)
    if all(attempt.state in ENDS[ATTEMPT] for attempt in attempts):
        return Due([(to_archive, {"upload": upload.id})], quiet=True)
    return Due()


def _planned(services: Services, attempt: Attempt) -> Due:
    messages = next_messages(services, services.ledger.find_upload(attempt.upload_id))
    return Due([message for message in messages if message[1].get("attempt") == attempt.key])


def _submitted(services: Services, attempt: Attempt) -> Due:
    """Its job has ended, and was settled but for this member."""
    job = services.ledger.find_job(attempt.job)
    if job is None or job.state in OPEN[JOB]:
        return Due()
    return Due([(services.settings.finish_queue, make_job_ended_message(job.name, job.task))])


def _unstarted_jobs(services: Services) -> int:
    """Jobs that a crash left unstarted, and those for which SageMaker had no room, when they are due again."""
    postponed = (job for job in services.ledger.in_state(JOB, "PLANNED") if job.due_at and job.due_at <= now())
    crashed = (job for job in standing(services, JOB, "PLANNED") if not job.due_at)
    return push_all(services, postponed, _start) + push_all(services, crashed, _start)


def _start(services: Services, job: Job) -> Due:
    if job.task == EXAMINE:  # validate starts it
        upload = services.ledger.find_upload(job.upload)
        return Due([(services.settings.validate_queue, make_landed_message(upload.version))])
    queue = services.settings.training_queue if job.task == TRAIN else services.settings.transform_queue
    return Due([(queue, {"job": job.name})])


def _started(services: Services, job: Job) -> Due:
    """SageMaker knows whether it has ended; the event may be lost."""
    if describe(services.sagemaker, job.task, job.name).end is None:
        return Due()
    return Due([(services.settings.finish_queue, make_job_ended_message(job.name, job.task))])


def _waiting_for_room(services: Services) -> int:
    """Attempts for which there is room by now: start_transform takes them in turn."""
    if next(services.ledger.in_state(ATTEMPT, "WAITING"), None) is None or not count_free_slots(services):
        return 0
    services.send(services.settings.transform_queue, {"room": "reconcile"})
    return 1


Look = Callable[[Services], int | dict[str, int]]

# Who looks after each state from which a record may still move, and what that is called in the metrics.
OF_STATES: dict[tuple[str, str], tuple[str, Look]] = {
    (UPLOAD, "RECEIVED"): ("received", _standing(UPLOAD, "RECEIVED", _received)),
    (UPLOAD, "WAITING"): ("waiting", attend),
    (UPLOAD, "VALIDATED"): ("validated", _standing(UPLOAD, "VALIDATED", _validated)),
    (ATTEMPT, "PLANNED"): ("planned", _standing(ATTEMPT, "PLANNED", _planned)),
    (ATTEMPT, "WAITING"): ("waiting_for_room", _waiting_for_room),
    (ATTEMPT, "SUBMITTED"): ("submitted", _standing(ATTEMPT, "SUBMITTED", _submitted)),
    (JOB, "PLANNED"): ("unstarted_jobs", _unstarted_jobs),
    (JOB, "STARTED"): ("started_jobs", _standing(JOB, "STARTED", _started)),
}

# By the table of moves: a state that nobody looks after is an error when this is imported.
LOOKS: dict[str, Look] = dict(OF_STATES[kind, state] for kind, states in OPEN.items() for state in states) | {
    "runs_told": tell_of_runs,
    "unrecorded": send_unrecorded,
    "unreceipted": send_unreceipted,
}
