"""Requests for restores that have not moved for too long, and archive objects whose event is overdue."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from seqdrop.archive.storage_classes import CLASSES
from seqdrop.ledger.moves import ARCHIVE_OBJECT, OPEN, RESTORE
from seqdrop.runtime.events import make_restore_event
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, minutes_ago, now
from seqdrop.stages.reconcile.nudge import Due, nudge_all, select_stalled

if TYPE_CHECKING:
    from seqdrop.ledger.restore_records import ArchiveObject, RestoreRequest

MOST = 5000  # objects, and requests that are done, of one run
FASTEST = min(tier.hours_at_most for known in CLASSES.values() for tier in known.tiers.values())  # hours


def check_restores(services: Services) -> dict[str, int]:
    """Run all checks of restores, and log their counts. Return none: each is a metric that costs money every month."""
    counts = {check.__name__: check(services) for check in (check_requests, check_objects)}
    if any(counts.values()):
        logger().info("restores", extra=counts)
    return {}


def check_requests(services: Services) -> int:
    """Nudge requests that are not done. One that waits for S3 is quiet: it may do so for two days."""
    count = 0
    for state in OPEN[RESTORE]:
        records = services.ledger.in_state(RESTORE, state, minutes_ago(services.settings.stale_minutes))
        count += nudge_all(services, select_stalled(services, records), _continue)
    return count


def _continue(services: Services, request: RestoreRequest) -> Due:
    is_quiet = request.state == "RESTORING" or bool(request.batch_job)
    return Due([(services.settings.restore_queue, {"restore": request.id})], quiet=is_quiet)


def check_objects(services: Services) -> int:
    """Have restore look at archive objects that S3 should have restored by now: their event may be lost."""
    records = services.ledger.in_state(ARCHIVE_OBJECT, "RESTORING", minutes_ago(60 * FASTEST))
    overdue = (record for record in islice(records, MOST) if record.due_at <= now())
    return nudge_all(services, select_stalled(services, overdue), _look)


def _look(services: Services, record: ArchiveObject) -> Due:
    event = make_restore_event(record.bucket, record.key, record.version_id)
    return Due([(services.settings.restore_queue, event)], quiet=True)


def expire_requests(services: Services) -> int:
    """Have restore look at RESTORED requests whose first temporary copy expired; return how many they are."""
    requests = islice(services.ledger.in_state(RESTORE, "RESTORED"), MOST)
    expired = [request for request in requests if request.until and request.until <= now()]
    for request in expired:
        services.send(services.settings.restore_queue, {"restore": request.id})
    return len(expired)
