"""Which message comes next. The only place that knows the order of the stages."""

from __future__ import annotations

from seqdrop.config.analyses import TRAINING
from seqdrop.ledger.moves import ATTEMPT, DONE, ENDS
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.runtime.services import Services
from seqdrop.stages.gate import is_held


def hand_on(services: Services, upload: Upload) -> None:
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
    attempts = services.ledger.deciding(upload)
    if is_held(services.ledger, services.analyses, upload, attempts):
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
    return settings.training_queue if attempt.analysis == TRAINING else settings.transform_queue
