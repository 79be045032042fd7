"""What an event missed is found by its standing still, and sent on again. Safe beside everything else.

A record that stands is pushed after `stale_minutes`, then after twice as long, and so on; after the last push a
person is told, once, and it is left to them: pushing for ever would cost money and mend nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from seqdrop.events import job_ended_message, landed_message
from seqdrop.ledger.moves import JOB, UPLOAD
from seqdrop.ledger.records import EXAMINE, TRAIN, Job, Record, Upload
from seqdrop.log import logger
from seqdrop.services import Services, minutes_ago, now
from seqdrop.stages.large import OPEN, is_final, last_job
from seqdrop.stages.road import next_messages
from seqdrop.stages.runs_waiting import attend_runs
from seqdrop.stages.waiting import attend

Messages = list[tuple[str, dict]]  # queue URL and body

MOST_PUSHES = 5  # the last comes about 16 × stale_minutes after the one before


def reconcile(services: Services) -> dict[str, int]:
    """Push every record that has stood too long. Answers how many of each were pushed, and mates told of."""
    pushed = {
        "received": _push_all(services, UPLOAD, "RECEIVED", _validate_again),
        "validated": _push_all(services, UPLOAD, "VALIDATED", next_messages),
        "planned_jobs": _push_all(services, JOB, "PLANNED", _start_again),
        "started_jobs": _push_all(services, JOB, "STARTED", _finish_again),
        **attend(services),
        **attend_runs(services),
    }
    logger().info("reconciled", extra=pushed)
    return pushed


def _push_all(services: Services, kind: str, state: str, messages: Callable[[Services, Record], Messages]) -> int:
    count = 0
    for record in _standing(services, kind, state):
        due = messages(services, record)
        if not due or not services.ledger.push(record):
            continue  # it waits for its job or for a person, or has just moved
        if record.pushes == MOST_PUSHES:
            _tell(services, record)
            continue
        for queue, body in due:
            services.send(queue, body)
        count += 1
    return count


def _standing(services: Services, kind: str, state: str) -> Iterator[Record]:
    stale = services.settings.stale_minutes
    for record in services.ledger.in_state(kind, state, minutes_ago(stale)):
        if record.pushes <= MOST_PUSHES and _age_minutes(record) >= stale * 2**record.pushes:
            yield record


def _age_minutes(record: Record) -> float:
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(record.moved_at)).total_seconds() / 60


def _validate_again(services: Services, upload: Upload) -> Messages:
    if _in_job(services, upload):
        return []
    return [(services.settings.validate_queue, landed_message(upload.version))]


def _in_job(services: Services, upload: Upload) -> bool:
    """Whether a job examines it, which is pushed by itself, or the lab was told that none will."""
    job = last_job(services.ledger, upload.id)
    if job is None or job.state == "DONE":
        return False
    return job.state in OPEN or is_final(job, job.state)


def _start_again(services: Services, job: Job) -> Messages:
    if job.task == EXAMINE:  # validate starts it
        upload = services.ledger.upload(job.upload)
        return [(services.settings.validate_queue, landed_message(upload.version))]
    queue = services.settings.training_queue if job.task == TRAIN else services.settings.transform_queue
    return [(queue, {"job": job.name})]


def _finish_again(services: Services, job: Job) -> Messages:
    return [(services.settings.finish_queue, job_ended_message(job.name, job.task))]


def _tell(services: Services, record: Record) -> None:
    what = record.key if isinstance(record, Upload) else f"job {record.name}"
    services.notify(
        f"Seqdrop: {what} stands still",
        f"{what} has stood in {record.state} after {MOST_PUSHES} pushes; Seqdrop will not push it again.\n"
        "Look at the log of the function that moves it (the README's table of moves names it) and at the dead-letter\n"
        "queues. A job in STARTED that really runs this long needs nothing: it goes on when it ends.\n",
    )
