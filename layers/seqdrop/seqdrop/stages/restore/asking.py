"""Ask S3 to restore the objects of a request that are not restored already: one by one, or by S3 Batch Operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.runtime.log import logger
from seqdrop.stages.restore import batch
from seqdrop.stages.restore.objects import (
    mark_failed,
    mark_restored,
    mark_restoring,
    read_status,
)
from seqdrop.stages.restore.starting import BusyError, start_restore
from seqdrop.stages.restore.waiting import await_all

if TYPE_CHECKING:
    from seqdrop.archive.restore_plan import Plan, PlannedObject
    from seqdrop.ledger.restore_records import RestoreRequest
    from seqdrop.runtime.services import Services

STEP = 500  # objects of one message: half a minute for S3 and the ledger
LATER = 60  # seconds to wait after S3 throttled a restore


def ask(services: Services, request: RestoreRequest, plan: Plan, revision: str = "") -> None:
    """Ask for the next objects of an ASKED request, and continue by a message; move it to RESTORING after the last."""
    if request.batch_job:
        if batch.follow(services, request, plan, revision):
            _end(services, request, plan)
        return
    todo, done = _ask_for_part(services, request, plan)
    asked = request.asked + done
    if todo:
        batch.write_part(services, request, todo)
    if done and not services.ledger.note(request, asked=asked, to_ask=request.to_ask + len(todo)):
        return  # another invocation was first, and continues
    is_busy = done < len(plan.objects[request.asked : request.asked + STEP])
    if is_busy or asked < len(plan.objects):
        services.send(services.settings.restore_queue, {"restore": request.id}, LATER if is_busy else 0)
        return
    current = services.ledger.find_restore(request.id)
    if current is None or current.state != "ASKED":
        return
    if current.to_ask and not current.batch_job:
        batch.start(services, current)
    else:
        _end(services, current, plan)


def _ask_for_part(services: Services, request: RestoreRequest, plan: Plan) -> tuple[list[PlannedObject], int]:
    """Ask for up to STEP objects; return those that S3 Batch Operations is to ask for, and how many are done."""
    by_batch = batch.is_batch(services, request, plan)
    todo, done = [], 0
    for item in plan.objects[request.asked : request.asked + STEP]:
        try:
            if not is_asked(services, request, item):
                if by_batch:
                    todo.append(item)
                else:
                    start_restore(services, request, item)
        except BusyError:
            logger().warning("S3 accepts no more restores now", extra={"restore": request.id, "objects": done})
            break
        done += 1
    return todo, done


def _end(services: Services, request: RestoreRequest, plan: Plan) -> None:
    if services.ledger.move(request, "RESTORING", back=0, waits_for="", until="", failed=0, failures=[]):
        current = services.ledger.find_restore(request.id)
        if current and current.state == "RESTORING":
            await_all(services, current, plan)


def is_asked(services: Services, request: RestoreRequest, item: PlannedObject) -> bool:
    """Return True if S3 need not be asked for an object: it is restored, or will be, or can be read, or never can.

    Its record is written before S3 is asked, so that an event finds it.
    """
    if not item.needs_restore:
        return True
    status = read_status(services, item)
    if status.is_readable:
        return True
    if status.reason:
        mark_failed(services, item, status.reason)
        return True
    if status.lasts(request.lasting_days):
        mark_restored(services, item, status.until)
        return True
    mark_restoring(services, request, item)
    return status.is_ongoing
