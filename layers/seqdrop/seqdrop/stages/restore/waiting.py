"""Wait until every object of a request is back.

The request's position is that of the first object that is not back. An event about that object sends the request's
message again, and so does the reconciler after a while; any other event only changes the record of its object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.archive.restore_plan import PlannedObject
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.restore import notices
from seqdrop.stages.restore.objects import mark_expired, mark_failed, mark_restored, read_status

if TYPE_CHECKING:
    from seqdrop.archive.restore_plan import Plan
    from seqdrop.ledger.restore_records import ArchiveObject, RestoreRequest
    from seqdrop.runtime.events import RestoreEvent

STEP = 2000  # objects that one message looks at
MOST_FAILURES = 10  # of a request that its record and its mail list
BACK, WAITS, EXPIRED, FAILED = "back", "waits", "expired", "failed"


def await_all(services: Services, request: RestoreRequest, plan: Plan) -> None:
    """Look at the objects of a RESTORING request from its position on, and act on what is found."""
    until, failures, failed = request.until, list(request.failures), request.failed
    objects = plan.objects
    stop = min(request.back + STEP, len(objects))
    for index in range(request.back, stop):
        outcome, detail = look(services, objects[index])
        if outcome == EXPIRED:
            return ask_again(services, request, index)
        if outcome == WAITS:
            facts = {"back": index, "until": until, "failed": failed, "failures": failures}
            return _wait(services, request, plan, objects[index], facts)
        if outcome == FAILED:
            failed, failures = failed + 1, [*failures, f"{objects[index].key}: {detail}"][:MOST_FAILURES]
        else:
            until = min(filter(None, (until, detail)), default="")
    if not services.ledger.note(request, back=stop, waits_for="", until=until, failed=failed, failures=failures):
        return None  # another invocation was first, and continues
    if stop < len(objects):
        return services.send(services.settings.restore_queue, {"restore": request.id})
    return _end(services, request.id)


def look(services: Services, item: PlannedObject) -> tuple[str, str]:
    """Return what an object is (BACK, WAITS, EXPIRED or FAILED), and until when it is back, or why it failed.

    S3 is asked only if the record does not say that it is back or failed.
    """
    if not item.needs_restore:
        return BACK, ""
    record = services.ledger.find_archive_object(item.id)
    if record and record.is_readable(now()):
        return BACK, record.until
    if record and record.state == "FAILED":
        return FAILED, record.reason
    return refresh(services, item)


def refresh(services: Services, item: PlannedObject) -> tuple[str, str]:
    """Ask S3 what an object is, and write its record; the result is that of `look`."""
    status = read_status(services, item)
    if status.is_readable:
        return BACK, ""
    if status.reason:
        mark_failed(services, item, status.reason)
        return FAILED, status.reason
    if status.until:
        mark_restored(services, item, status.until)
        return BACK, status.until
    if status.is_ongoing:
        return WAITS, ""
    mark_expired(services, item)
    return EXPIRED, ""


def ask_again(services: Services, request: RestoreRequest, index: int) -> None:
    """Move a request back to ASKED, because the object at `index` is neither restored nor will be."""
    if services.ledger.move(request, "ASKED", asked=0, back=0, waits_for="", batch_job="", round=request.round + 1):
        logger().info("asked again", extra={"restore": request.id, "object_number": index})
        services.send(services.settings.restore_queue, {"restore": request.id})


def _wait(
    services: Services, request: RestoreRequest, plan: Plan, item: PlannedObject, facts: dict[str, object]
) -> None:
    """Record the object for which a request waits. If its event came meanwhile, look again: no message follows."""
    if request.waits_for == item.id and request.back == facts["back"]:
        return
    values = {"waits_for": item.id, **facts}
    if not services.ledger.note(request, **values):  # type: ignore[arg-type]
        return
    record = services.ledger.find_archive_object(item.id)
    current = services.ledger.find_restore(request.id)
    if current and current.state == "RESTORING" and record and record.state != "RESTORING":
        await_all(services, current, plan)


def _end(services: Services, request_id: str) -> None:
    """Move a request all of whose objects were looked at: to FAILED if some failed, else to its copies, or its end."""
    request = services.ledger.find_restore(request_id)
    if request is None or request.state != "RESTORING":
        return
    if request.failed:
        reason = f"{request.failed} of {request.objects} archive objects could not be restored"
        notices.mail_failed(services, request, reason)
        services.ledger.move(request, "FAILED", reason=reason)
    elif request.has_copies:
        if services.ledger.move(request, "COPYING"):
            services.send(services.settings.restore_queue, {"restore": request.id})
    else:
        notices.mail_restored(services, request)
        services.ledger.move(request, "RESTORED")


def note_event(services: Services, event: RestoreEvent) -> None:
    """Look at the object of an event, and have the requests that wait for it continue.

    Objects that Seqdrop does not restore have no record, and are left alone.
    """
    item = PlannedObject(event.bucket, event.key, event.version_id, "", 0)
    record = services.ledger.find_archive_object(item.id)
    if record is None:
        return
    outcome, _ = refresh(services, item)
    if outcome != WAITS:
        _notify_requests(services, record, outcome)


def _notify_requests(services: Services, record: ArchiveObject, outcome: str) -> None:
    for request_id in record.requests:
        request = services.ledger.find_restore(request_id)
        if request is None:
            continue
        if request.waits_for == record.id:
            services.send(services.settings.restore_queue, {"restore": request.id})
        elif outcome == EXPIRED:
            expire(services, request)


def expire(services: Services, request: RestoreRequest) -> None:
    """Move a RESTORED request to EXPIRED if its first temporary copy expired."""
    if request.state == "RESTORED" and request.until and request.until <= now():
        services.ledger.move(request, "EXPIRED")
