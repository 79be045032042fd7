"""Which message comes next: the only place that knows the order of the stages; and whether a file waits for its run.

That check only reads. A file is moved to VALIDATED first, then its runs are looked at; a marker opens its run first,
and then sends on the files that are there (stages/assemble/runs.py). So of a file and a marker at one moment, one sees
the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.kinds.plans import kind_of
from seqdrop.ledger.earlier_sets import RUNS
from seqdrop.ledger.moves import ATTEMPT, DONE, ENDS
from seqdrop.ledger.records import TRAIN, Attempt, Upload

if TYPE_CHECKING:
    from seqdrop.config.analyses import Analyses
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services


def is_gated(ledger: Ledger, analyses: Analyses, upload: Upload, attempts: list[Attempt]) -> bool:
    """Whether a VALIDATED upload waits for its run. One of which an attempt has left PLANNED went on before.

    Which of its folders is the run's is not known until a marker lies there, so an open one opens all below it.
    """
    if upload.state != "VALIDATED" or any(one.state != "PLANNED" or one.number > 1 for one in attempts):
        return False
    folders = analyses.gated_folders(upload.key)
    return bool(folders) and not any(_is_open(ledger, f"{upload.bucket}/{folder}") for folder in folders)


def _is_open(ledger: Ledger, run: str) -> bool:
    return bool(ledger.file_set(RUNS, run).fact("opened_at"))


def enqueue_next(services: Services, upload: Upload) -> None:
    """Send an upload on from where it stands.

    Safe to call at any time: a stage that gets a message for work already done does nothing.
    """
    for queue, body in next_messages(services, upload):
        services.send(queue, body)


def next_messages(services: Services, upload: Upload) -> list[tuple[str, dict]]:
    """(queue URL, body) of what comes next; nothing if it waits for its run, a job or a person, or is at its end.

    One that is archived may have an attempt before it, too: a replay.
    """
    if upload.state not in ("VALIDATED", "ARCHIVED"):
        return []
    attempts = services.ledger.deciding_attempts(upload)
    if is_gated(services.ledger, services.analyses, upload, attempts):
        return []
    if upload.state == "VALIDATED" and may_be_archived(upload, attempts):
        return [(services.settings.archive_queue, {"upload": upload.id})]
    planned = [attempt for attempt in attempts if attempt.state == "PLANNED"]
    return [(_queue(services, attempt), {"attempt": attempt.key}) for attempt in planned]


def may_be_archived(upload: Upload, deciding: list[Attempt]) -> bool:
    """Whether an upload has all it came for; or a person released it, and no attempt at it is under way."""
    if all(attempt.state in DONE for attempt in deciding):
        return True
    return bool(upload.released_at) and all(attempt.state in ENDS[ATTEMPT] for attempt in deciding)


def _queue(services: Services, attempt: Attempt) -> str:
    """Where what starts its job listens."""
    settings = services.settings
    return settings.training_queue if kind_of(attempt).job == TRAIN else settings.transform_queue
