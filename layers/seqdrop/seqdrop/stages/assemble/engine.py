"""Files that belong together, whatever their policy: read the set, decide, and move all members in one transaction.

No invocation waits for another. A member that lacks others is left in WAITING; the invocation that validates the last
one advances all of them. Each decision is made on one reading of the set and of its members, and its write succeeds
only if the set is still as it was read; the loser of a race reads all of it again. So of two members that arrive at the
same moment, the later one sees the earlier, and every step may be repeated after a crash.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqdrop.aws.s3 import is_gone
from seqdrop.errors import Fault, InvalidFileError, RetryableError
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.stages.assemble.decision import Decision, reject
from seqdrop.stages.assemble.view import MembersGoneError, View
from seqdrop.stages.routing import enqueue_next
from seqdrop.work.examination import rejection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.errors import Rejection
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.policy import Policy

MAX_RETRIES = 10  # each is lost only to another invocation that succeeded
OPEN = ("RECEIVED", "WAITING")


def resolve(services: Services, upload: Upload, policy: Policy, content: Any = None) -> None:
    """Bring a RECEIVED or WAITING upload as far as the files of its set allow, and those with it.

    Safe at any time and for any member. `content` is what was read of the upload already; without it its policy reads
    it. Raise InvalidFileError, ObjectGoneError, or RetryableError if other invocations were always first.
    """
    if content is None and upload.state == "RECEIVED":
        content = policy.read(services, upload)
    for _ in range(MAX_RETRIES):
        upload = services.ledger.find_upload(upload.id)
        if upload.state not in OPEN:
            return enqueue_next(services, upload)
        if _resolve_once(policy, _look(services, upload, policy, content)):
            return None
    raise RetryableError(f"others kept moving the files that belong to upload {upload.id}")


def _look(services: Services, upload: Upload, policy: Policy, content: Any) -> View:
    """Read the set of an upload, and then the member that holds its slot."""
    name, slot = policy.place(services.analyses, upload)
    file_set = services.ledger.file_set(policy.name, name)
    view = View(services, upload, slot, file_set, content, policy.live)
    return replace(view, previous=view.other(file_set.members.get(slot, "")))


def _resolve_once(policy: Policy, view: View) -> bool:
    """Return False if the set has to be read again: another invocation was first, or more is to be decided."""
    try:
        _check_there(view, [view.upload])
        decision = _decide(policy, view)
        _check_there(view, (step.record for step in decision.steps))
    except MembersGoneError as gone:
        for member in gone.uploads:
            view.services.ledger.move(member, "WITHDRAWN", reason="deleted_while_it_waited")
        return False
    return _carry_out(view.services, policy, decision) and not decision.again


def _check_there(view: View, members: Iterable[Upload]) -> None:
    """Raise MembersGoneError if some were deleted while they waited; others are being read, or have advanced."""
    if gone := [member for member in members if member.state == "WAITING" and is_gone(view.services.s3, member)]:
        raise MembersGoneError(*gone)


def _decide(policy: Policy, view: View) -> Decision:
    if view.is_late and not policy.keeps_late(view):
        return reject(view.services, [view.upload], _superseded(view.previous, policy), read=False)
    decision, previous = policy.decide(view), view.previous
    takes_slot = decision.file_set and decision.file_set.members.get(view.slot) == view.upload.id
    if not takes_slot or not previous or previous.state != "WAITING":
        return decision
    # No other member would ever find the earlier version in its slot again.
    end = reject(view.services, [previous], _superseded(view.upload, policy), read=policy.after_examination)
    return replace(decision, steps=[*decision.steps, *end.steps]).after(end.before)


def _superseded(newer: Upload, policy: Policy) -> Rejection:
    message = f"a newer version came before {policy.awaited} did: {newer.key}, upload {newer.id}"
    advice = "Nothing, if the newer one is right. If this one is, drop it again."
    return rejection(InvalidFileError(Fault("superseded", message, advice)))


def _is_outdated(ledger: Ledger, file_set: FileSet | None) -> bool:
    """Whether another invocation wrote the set since it was read."""
    return file_set is not None and ledger.file_set(file_set.policy, file_set.name).revision != file_set.revision


def _carry_out(services: Services, policy: Policy, decision: Decision) -> bool:
    """Write a decision, with what comes before it and after it; return False if another invocation was first."""
    if not decision.steps and not decision.file_set:
        return True
    if _is_outdated(services.ledger, decision.file_set):
        return False  # before anything is said that the write which is bound to fail would not make true
    decision.before()
    if not services.ledger.move_together(decision.steps, decision.attempts, decision.file_set):
        return False
    logger().info("moved together", extra={"moves": {step.record.id: step.to for step in decision.steps}})
    advanced = [step.record for step in decision.steps if step.to == "VALIDATED"]
    for member in advanced if decision.enqueue is None else decision.enqueue:
        upload = services.ledger.find_upload(member.id)
        policy.confirm(services, upload)
        enqueue_next(services, upload)
    for step in decision.steps:
        if step.to == "RECEIVED":  # it is to be read again
            services.send(services.settings.validate_queue, make_landed_message(step.record.version))
    return True
