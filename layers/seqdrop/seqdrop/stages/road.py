"""Which message comes next. The only place that knows the order of the stages."""

from __future__ import annotations

from seqdrop.ledger.records import Attempt, Upload
from seqdrop.services import Services


def hand_on(services: Services, upload: Upload) -> None:
    """Send an upload on from where it stands; nothing if it waits for a job or is at its end.

    Safe to call at any time: a stage that gets a message for work already done does nothing.
    """
    if upload.state != "VALIDATED":
        return
    attempts = services.ledger.attempts(upload.id)
    for attempt in attempts:
        if attempt.state == "PLANNED":
            services.send(services.settings.transform_queue, {"attempt": attempt.key})
    if all(attempt.state == "PREDICTED" for attempt in latest(attempts)):
        services.send(services.settings.archive_queue, {"upload": upload.id})


def latest(attempts: list[Attempt]) -> list[Attempt]:
    """The last attempt of each analysis: the one that decides."""
    return list({attempt.analysis: attempt for attempt in attempts}.values())
