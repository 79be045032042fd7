"""The engine of all policies: read the set, decide, and move all members in one transaction.

No invocation waits for another. If other members are missing, a member is left in WAITING; the invocation that
validates the last member advances all of them. A decision depends on the set and its members as they were read. Its
write succeeds only if the set still has the revision that was read; otherwise the invocation reads everything again.
Therefore, if two members arrive at the same moment, the later one sees the earlier one. Every step may be repeated
after a crash.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from seqdrop.aws.s3 import is_gone
from seqdrop.errors import Fault, InvalidFileError, RetryableError, UnreadableObjectError
from seqdrop.ledger.moves import UNDECIDED
from seqdrop.runtime.events import make_landed_message
from seqdrop.runtime.log import logger
from seqdrop.stages.assemble.decision import Decision, reject
from seqdrop.stages.assemble.repeats import end_repeats
from seqdrop.stages.assemble.view import Content, MembersGoneError, View
from seqdrop.stages.file_pages import refresh_page
from seqdrop.stages.notifications import RejectionMail
from seqdrop.stages.notifications import reject as reject_upload
from seqdrop.stages.routing import enqueue_next
from seqdrop.stages.unreadable import explain_unreadable
from seqdrop.work.examination import rejection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seqdrop.errors import Rejection
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.ledger.records import Upload
    from seqdrop.ledger.table import Ledger
    from seqdrop.runtime.services import Services
    from seqdrop.stages.assemble.policy import Policy

MAX_TRIES = 10  # a try fails only if another invocation succeeded


def resolve(services: Services, upload: Upload, policy: Policy[Content], content: Content | None = None) -> None:
    """Advance a RECEIVED or WAITING upload, and the other files of its set, as far as the present files allow.

    This may be called at any time and for any member. `content` is what the caller has read of the upload; if it is
    None, the policy reads it. Raise InvalidFileError if the upload is invalid, UnreadableObjectError if S3 does not
    return its bytes, ObjectGoneError if it was deleted, and RetryableError if other invocations were first in each of
    MAX_TRIES tries.
    """
    if content is None and upload.state == "RECEIVED":
        content = policy.read(services, upload)
    for _ in range(MAX_TRIES):
        current = services.ledger.require_upload(upload.id)
        if current.state not in UNDECIDED:
            return enqueue_next(services, current)
        if content is None and current.state == "RECEIVED":  # another invocation moved it from WAITING
            content = policy.read(services, current)
        if _resolve_once(policy, _make_view(services, current, policy, content)):
            return None
    raise RetryableError(f"other invocations kept moving the files that belong to upload {upload.id}")


def _make_view(services: Services, upload: Upload, policy: Policy[Content], content: Content | None) -> View[Content]:
    """Read the set of an upload, and then the member that holds its slot."""
    name, slot = policy.place(services.analyses, upload)
    file_set = services.ledger.file_set(policy.name, name)
    view = View(services, upload, slot, file_set, content, policy.live)
    return replace(view, previous=view.other(file_set.members.get(slot, "")))


def _resolve_once(policy: Policy[Content], view: View[Content]) -> bool:
    """Return False if the set must be read again: another invocation was first, or another decision must follow."""
    try:
        _check_presence(view, [view.upload])
        decision = _decide(policy, view)
        _check_presence(view, (step.record for step in decision.steps))
    except MembersGoneError as gone:
        for member in gone.uploads:
            view.services.ledger.move(member, "WITHDRAWN", reason="deleted_while_it_waited")
        return False
    except UnreadableObjectError as error:
        _reject_unreadable(view, error)
        return False
    return _carry_out(view.services, policy, decision) and not decision.again


def _reject_unreadable(view: View[Any], error: UnreadableObjectError) -> None:
    """Reject another member whose bytes S3 does not return any more. Raise `error` if it is the view's own upload.

    If the member advanced in another set, it stays as it is, and the view's upload cannot be used without it.
    """
    member = view.services.ledger.find_upload(error.upload)
    if member is None or member.id == view.upload.id:
        raise error
    reason = explain_unreadable(view.services, error)
    if member.state not in UNDECIDED:
        message = f"{reason['message']}: {member.key}, upload {member.id}, which it needs"
        raise InvalidFileError(Fault(reason["code"], message, reason["advice"])) from error
    reject_upload(view.services, member, reason)


def _check_presence(view: View[Any], members: Iterable[Upload]) -> None:
    """Raise MembersGoneError if some members were deleted while they waited.

    Only WAITING members are checked: the others are being read, or have advanced.
    """
    if gone := [member for member in members if member.state == "WAITING" and is_gone(view.services.s3, member)]:
        raise MembersGoneError(*gone)


def _decide(policy: Policy[Content], view: View[Content]) -> Decision:
    newer, previous = view.newer_version, view.previous
    if newer and not policy.keeps_late(view):
        return reject(view.services, [view.upload], _explain_superseded(newer, policy), mail=RejectionMail(False))
    decision = end_repeats(view, policy, policy.decide(view))
    takes_slot = decision.file_set and decision.file_set.members.get(view.slot) == view.upload.id
    if not takes_slot or not previous or previous.state != "WAITING":
        return decision
    # The earlier version leaves the slot, where other members look for it, so it would wait for ever.
    mail = RejectionMail(has_report=policy.after_examination)
    end = reject(view.services, [previous], _explain_superseded(view.upload, policy), mail=mail)
    return replace(decision, steps=[*decision.steps, *end.steps]).after(end.before)


def _explain_superseded(newer: Upload, policy: Policy[Any]) -> Rejection:
    message = f"a newer version replaced it before {policy.awaited} arrived: {newer.key}, upload {newer.id}"
    advice = "Nothing, if the newer version is the right one. If this version is, drop it again."
    return rejection(InvalidFileError(Fault("superseded", message, advice)))


def _is_outdated(ledger: Ledger, file_set: FileSet | None) -> bool:
    """Return True if another invocation wrote the set since it was read."""
    return file_set is not None and ledger.file_set(file_set.policy, file_set.name).revision != file_set.revision


def _carry_out(services: Services, policy: Policy[Any], decision: Decision) -> bool:
    """Carry out a decision (see `Decision`); return False if another invocation was first."""
    if not decision.steps and not decision.file_set:
        return True
    if _is_outdated(services.ledger, decision.file_set):
        return False  # the write would fail, and its mails and reports would be wrong
    decision.before()
    if not services.ledger.move_together(decision.steps, decision.attempts, decision.file_set):
        return False
    logger().info("moved together", extra={"moves": {step.record.id: step.to for step in decision.steps}})
    advanced = [step.record for step in decision.steps if step.to == "VALIDATED"]
    for member in advanced if decision.enqueue is None else decision.enqueue:
        upload = services.ledger.require_upload(member.id)
        policy.confirm(services, upload)
        enqueue_next(services, upload)
    for step in decision.steps:
        if step.to == "REJECTED":
            refresh_page(services, step.record)
        if step.to == "RECEIVED":  # validate must read it again
            services.send(services.settings.validate_queue, make_landed_message(step.record.version))
    return True
