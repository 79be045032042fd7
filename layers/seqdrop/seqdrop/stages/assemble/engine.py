"""Files that belong together, whatever their policy: read the set, decide, and move all members in one transaction.

Nobody waits in a Lambda. A member that lacks others is left in WAITING; the invocation that validates the last one
advances all of them. Each decision is made on one reading of the set and of its members, and its write succeeds only if
the set is still as it was read; the loser of a race reads all of it again. So of two members that arrive at the same
moment, the later one sees the earlier, and every step may be repeated after a crash.
"""

from __future__ import annotations

from typing import Any

from seqdrop.aws.s3 import is_gone
from seqdrop.errors import Fault, InvalidFile, RetryableError
from seqdrop.ledger.records import Step, Upload
from seqdrop.runtime.events import landed_message
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services
from seqdrop.stages.assemble.decision import Decision
from seqdrop.stages.assemble.policy import Policy
from seqdrop.stages.assemble.view import MembersGone, View, live_upload
from seqdrop.stages.notifications import mail, reason, reject
from seqdrop.stages.routing import hand_on
from seqdrop.work.examination import rejection

MAX_RETRIES = 10  # each is lost only to another invocation that succeeded
OPEN = ("RECEIVED", "WAITING")


def resolve(services: Services, upload: Upload, policy: Policy, content: Any = None) -> None:
    """Bring a RECEIVED or WAITING upload as far as the files of its set allow, and those with it.

    Safe at any time and for any member. `content` is what was read of the upload already; without it its policy reads
    it. Raise InvalidFile, ObjectGone, or RetryableError if other invocations were always first.
    """
    if content is None and upload.state == "RECEIVED":
        content = policy.read(services, upload)
    for _ in range(MAX_RETRIES):
        upload = services.ledger.upload(upload.id)
        if upload.state not in OPEN:
            return hand_on(services, upload)
        if _resolve_once(policy, look(services, upload, policy, content)):
            return
    raise RetryableError(f"others kept moving the files that belong to upload {upload.id}")


def release(services: Services, upload: Upload) -> None:
    """Read a WAITING upload anew that belongs to no set any more, by what its prefix means now."""
    if services.ledger.move(upload, "RECEIVED"):
        services.send(services.settings.validate_queue, landed_message(upload.version))


def look(services: Services, upload: Upload, policy: Policy, content: Any = None) -> View:
    """Read the set of an upload, and then who holds its slot."""
    name, slot = policy.place(services.analyses, upload)
    file_set = services.ledger.file_set(policy.name, name)
    holder = file_set.members.get(slot, "")
    previous = live_upload(services, holder, policy.live) if holder != upload.id else None
    return View(services, upload, slot, file_set, previous, content)


def _resolve_once(policy: Policy, view: View) -> bool:
    """Return False if the set has to be read again: another invocation was first, or more is to be decided."""
    services, upload = view.services, view.upload
    if upload.state == "WAITING" and is_gone(services.s3, upload):
        return _withdraw(services, upload)
    if view.is_late and not policy.keeps_late(view):
        reject(services, upload, _superseded(view.previous, policy))
        return True
    try:
        return _carry_out(policy, view, policy.decide(view))
    except MembersGone as gone:
        for member in gone.uploads:
            _withdraw(services, member)
        return False


def _withdraw(services: Services, upload: Upload) -> bool:
    return services.ledger.move(upload, "WITHDRAWN", reason="deleted_while_it_waited")


def _carry_out(policy: Policy, view: View, decision: Decision) -> bool:
    """Write a decision, and what comes before and after it; raise MembersGone if it moves a file that was deleted."""
    services, steps = view.services, [*decision.steps, *_replaced(view, decision)]
    waiting = [one.record for one in decision.steps if one.record.state == "WAITING" and one.record != view.upload]
    if gone := [member for member in waiting if is_gone(services.s3, member)]:
        raise MembersGone(*gone)
    decision.before()
    if view.previous and len(steps) > len(decision.steps):
        _notify_superseded(policy, view)
    if steps or decision.file_set:
        if not services.ledger.move_together(steps, decision.attempts, decision.file_set):
            return False
        _log(steps)
        _send(services, decision)
    return not decision.again


def _replaced(view: View, decision: Decision) -> list[Step]:
    """The end of an earlier version that waits in the slot which the upload takes: nothing would find it again."""
    taken = decision.file_set and decision.file_set.members.get(view.slot) == view.upload.id
    if not taken or not view.previous or view.previous.state != "WAITING":
        return []
    return [Step(view.previous, "REJECTED", {"reason": "superseded"})]


def _notify_superseded(policy: Policy, view: View) -> None:
    refusal = _superseded(view.upload, policy)
    reason(view.services, view.previous, refusal)
    mail(view.services, [view.previous], refusal, read=policy.after_examination)


def _superseded(newer: Upload, policy: Policy) -> dict:
    message = f"a newer version came before {policy.awaited} did: {newer.key}, upload {newer.id}"
    advice = "Nothing, if the newer one is right. If this one is, drop it again."
    return rejection(InvalidFile(Fault("superseded", message, advice)))


def _log(steps: list[Step]) -> None:
    for step in steps:
        if step.to == "REJECTED":
            logger().info("rejected", extra={"upload_id": step.record.id, "code": step.facts["reason"]})


def _send(services: Services, decision: Decision) -> None:
    """Send each member that advanced to its next stage, and each that is to be read again to validation."""
    advanced = [step.record for step in decision.steps if step.to == "VALIDATED"]
    for upload in advanced if decision.enqueue is None else decision.enqueue:
        hand_on(services, services.ledger.upload(upload.id))
    for step in decision.steps:
        if step.to == "RECEIVED":
            services.send(services.settings.validate_queue, landed_message(step.record.version))
