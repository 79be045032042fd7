"""Copies of restored files: to the landing bucket, to be processed again, and to the results bucket, to be kept.

A copy to the landing bucket is an upload, so it must be made exactly once, also if its first upload was processed and
removed before a crashed invocation is repeated. Each copy is therefore a multipart upload whose id is recorded before
it is completed: if S3 does not know the id any more, the copy was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from seqdrop.aws.errors import is_archived, is_conflict, is_missing, is_unknown_upload
from seqdrop.errors import ArchiveMismatchError
from seqdrop.runtime.log import logger
from seqdrop.stages.restore import notices
from seqdrop.stages.restore.copies import Copy, begin, claim, complete, list_copies
from seqdrop.stages.restore.waiting import ask_again

if TYPE_CHECKING:
    from seqdrop.archive.restore_plan import Plan
    from seqdrop.ledger.restore_records import RestoreRequest
    from seqdrop.runtime.services import Services

STEP = 20  # copies of one message
BYTES = 20_000_000_000  # of one message; a larger file has a message of its own


def copy_files(services: Services, request: RestoreRequest, plan: Plan) -> None:
    """Make the next copies of a COPYING request, and continue by a message; move it to RESTORED after the last."""
    copies = list_copies(services, request, plan)
    part = _select(copies, request.copied)
    if not part:
        notices.mail_restored(services, request)
        services.ledger.move(request, "RESTORED")
        return
    if not request.pending:
        pending = [begin(services, copy) for copy in part]
        if not services.ledger.note(request, pending=pending):
            return  # another invocation was first; a lifecycle rule removes these uploads
        current = services.ledger.find_restore(request.id)
        if current is None or current.pending != pending:
            return
        request = current
    done = _complete_all(services, request, plan, part[: len(request.pending)])
    if done is not None and services.ledger.note(request, copied=request.copied + done, pending=[]):
        services.send(services.settings.restore_queue, {"restore": request.id})


def _select(copies: list[Copy], position: int) -> list[Copy]:
    """Return the next copies: up to STEP, or up to BYTES."""
    part: list[Copy] = []
    for copy in copies[position : position + STEP]:
        if part and sum(other.file.size for other in part) + copy.file.size > BYTES:
            break
        part.append(copy)
    return part


def _complete_all(services: Services, request: RestoreRequest, plan: Plan, part: list[Copy]) -> int | None:
    """Complete the copies; return their number, or None if the request cannot continue now."""
    for copy, upload in zip(part, request.pending, strict=True):
        try:
            claim(services, copy)
            complete(services, copy, upload)
        except ArchiveMismatchError as error:
            notices.mail_failed(services, request, str(error))
            services.ledger.move(request, "FAILED", reason=str(error)[:1000])
            return None
        except ClientError as error:
            if is_unknown_upload(error):
                continue  # it was completed before
            if is_archived(error) or is_missing(error):
                ask_again(services, request, plan.objects.index(copy.file.object))
                return None
            if not is_conflict(error):
                raise
            # Its key has another file, which is being processed; the reconciler sends the message again.
            logger().info("a copy waits for its key in the landing bucket", extra={"restore": request.id})
            return None
    return len(part)
