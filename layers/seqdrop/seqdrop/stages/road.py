"""Which message comes next. The only place that knows the order of the stages."""

from __future__ import annotations

from seqdrop.analyses import TRAINING
from seqdrop.ledger.moves import DONE
from seqdrop.ledger.records import Attempt, Upload
from seqdrop.services import Services
from seqdrop.stages.gate import is_held


def hand_on(services: Services, upload: Upload) -> None:
    """Send an upload on from where it stands.

    Safe to call at any time: a stage that gets a message for work already done does nothing.
    """
    for queue, body in next_messages(services, upload):
        services.send(queue, body)


def next_messages(services: Services, upload: Upload) -> list[tuple[str, dict]]:
    """(queue URL, body) of what comes next; nothing if it waits for its run, a job or a person, or is at its end.

    An archived upload may have another attempt, by the work items of an earlier one.
    """
    if upload.state not in ("VALIDATED", "ARCHIVED"):
        return []
    attempts, settings = services.ledger.deciding(upload), services.settings
    if is_held(services.ledger, services.analyses, upload, attempts):
        return []
    if upload.state == "VALIDATED" and all(attempt.state in DONE for attempt in attempts):
        return [(settings.archive_queue, {"upload": upload.id})]
    planned = [attempt for attempt in attempts if attempt.state == "PLANNED"]
    return [(_queue(services, attempt), {"attempt": attempt.key}) for attempt in planned]


def _queue(services: Services, attempt: Attempt) -> str:
    """Where what starts its job listens."""
    settings = services.settings
    return settings.training_queue if attempt.analysis == TRAINING else settings.transform_queue
