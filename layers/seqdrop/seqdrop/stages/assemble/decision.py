"""The decision of a policy about an upload and the files that belong to it. The engine carries it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from seqdrop.ledger.records import Attempt, Fact, Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.notifications import RejectionMail, mail_rejection, write_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seqdrop.errors import Rejection
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.stages.assemble.view import View


@dataclass(frozen=True)
class Decision:
    """Moves of members, new attempts, and the new content of the set: one transaction, on the set as it was read.

    `before` runs ahead of the transaction: reports, reasons and mails are written first, so that a crash repeats them
    but never leaves them out. Afterwards the uploads of `enqueue` are confirmed (`Policy.confirm`) and sent to their
    next stage; by default those are all that became VALIDATED. With `again` the set is then read again and decided
    anew. Without a `file_set` the transaction depends only on the members' own records.
    """

    steps: Sequence[Step[Upload]] = ()
    attempts: Sequence[Attempt] = ()
    file_set: FileSet | None = None
    before: Callable[[], object] = lambda: None
    enqueue: Sequence[Upload] | None = None
    again: bool = False

    def after(self, act: Callable[[], object]) -> Decision:
        """Return this decision with `act` run ahead of it."""
        return replace(self, before=lambda: (act(), self.before()))


NOTHING = Decision()


def wait(
    view: View[Any], facts: Mapping[str, Fact] | None = None, *also: Step[Upload], file_set: FileSet | None = None
) -> Decision:
    """Return the decision that the upload waits in its slot, with these facts and further steps.

    An upload that waits already is left alone; a `file_set` is written all the same.
    """
    if view.upload.state == "WAITING":
        return Decision(file_set=file_set)
    facts = {**(facts or {}), "waiting_since": view.upload.waiting_since or now()}
    return Decision([Step(view.upload, "WAITING", facts), *also], file_set=file_set or view.with_upload)


def reject(
    services: Services,
    uploads: Sequence[Upload],
    rejection: Rejection,
    *,
    mates: Mapping[str, Upload] | None = None,
    file_set: FileSet | None = None,
    mail: RejectionMail | None = None,
) -> Decision:
    """Return the decision to reject uploads for one reason, with one mail.

    `mates` are the files that they do not fit, by upload id.
    """
    mates = mates or {}

    def notify() -> None:
        for upload in uploads:
            write_reason(services, upload, _with_mate(rejection, mates.get(upload.id)))
            logger().info("rejected", extra={"upload_id": upload.id, "code": rejection["code"]})
        mail_rejection(services, uploads, rejection, mail)

    steps = [_reject_one(upload, rejection["code"], mates.get(upload.id)) for upload in uploads]
    return Decision(steps, file_set=file_set, before=notify)


def _with_mate(rejection: Rejection, mate: Upload | None) -> Rejection:
    if mate is None:
        return rejection
    return {**rejection, "mate": {"upload": mate.id, "key": mate.key, "version_id": mate.version_id}}


def _reject_one(upload: Upload, code: str, mate: Upload | None) -> Step[Upload]:
    return Step(upload, "REJECTED", {"reason": code, "mate": mate.id} if mate else {"reason": code})
