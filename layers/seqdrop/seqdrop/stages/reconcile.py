"""What an event missed is found by its standing still, and sent on again. Safe beside everything else."""

from __future__ import annotations

from seqdrop.events import job_ended_message, landed_message
from seqdrop.ledger.moves import JOB, UPLOAD
from seqdrop.log import logger
from seqdrop.services import Services, minutes_ago
from seqdrop.stages.road import hand_on


def reconcile(services: Services) -> dict[str, int]:
    """Push every record that has stood for `stale_minutes`. Answers how many of each were pushed."""
    settings, before = services.settings, minutes_ago(services.settings.stale_minutes)
    pushed = {"received": 0, "validated": 0, "planned_jobs": 0, "started_jobs": 0}
    for upload in services.ledger.in_state(UPLOAD, "RECEIVED", before):
        services.send(settings.validate_queue, landed_message(upload.version))
        pushed["received"] += 1
    for upload in services.ledger.in_state(UPLOAD, "VALIDATED", before):
        hand_on(services, upload)
        pushed["validated"] += 1
    for job in services.ledger.in_state(JOB, "PLANNED", before):
        services.send(settings.transform_queue, {"attempt": job.members[0]})
        pushed["planned_jobs"] += 1
    for job in services.ledger.in_state(JOB, "STARTED", before):
        services.send(settings.finish_queue, job_ended_message(job.name))
        pushed["started_jobs"] += 1
    logger().info("reconciled", extra=pushed)
    return pushed
