"""Which message comes next. The only place that knows the order of the stages."""

from __future__ import annotations

from seqdrop.ledger.records import Attempt, Upload
from seqdrop.services import Services


def hand_on(services: Services, upload: Upload) -> None:
    """Send an upload on from where it stands.

    Safe to call at any time: a stage that gets a message for work already done does nothing.
    """
    for queue, body in next_messages(services, upload):
        services.send(queue, body)


def next_messages(services: Services, upload: Upload) -> list[tuple[str, dict]]:
    """(queue URL, body) of what comes next; nothing if it waits for a job or a person, or is at its end."""
    if upload.state != "VALIDATED":
        return []
    attempts, settings = latest(services.ledger.attempts(upload.id)), services.settings
    if all(attempt.state == "PREDICTED" for attempt in attempts):
        return [(settings.archive_queue, {"upload": upload.id})]
    planned = [attempt for attempt in attempts if attempt.state == "PLANNED"]
    return [(settings.transform_queue, {"attempt": attempt.key}) for attempt in planned]


def latest(attempts: list[Attempt]) -> list[Attempt]:
    """The last attempt of each analysis: the one that decides."""
    return list({attempt.analysis: attempt for attempt in attempts}.values())
