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
    """Moves of members (`steps`), new attempts, and the new content of the set, to be written in one transaction.

    The transaction succeeds only if the set still has the revision that was read. Without a `file_set` it depends only
    on the members' own records. `before` is called before the transaction: it writes reports and reasons and sends
    mails, so that a crash may repeat them but does not lose them. After the transaction, the uploads in `enqueue` are
    confirmed (`Policy.confirm`) and sent to their next stage; None means all uploads that became VALIDATED. If `again`
    is True, the set is then read again for another decision.
    """

    steps: Sequence[Step[Upload]] = ()
    attempts: Sequence[Attempt] = ()
    file_set: FileSet | None = None
    before: Callable[[], object] = lambda: None
    enqueue: Sequence[Upload] | None = None
    again: bool = False

    def after(self, act: Callable[[], object]) -> Decision:
        """Return this decision, to be carried out after a call of `act`."""
        return replace(self, before=lambda: (act(), self.before()))


NOTHING = Decision()


def wait(
    view: View[Any], facts: Mapping[str, Fact] | None = None, *also: Step[Upload], file_set: FileSet | None = None
) -> Decision:
    """Return the decision that the upload waits in its slot, with these facts and the further steps `also`.

    If the upload waits already, only `file_set` is written, if it is not None.
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

    `mates` maps the id of an upload to the file that it does not fit.
    """
    mates = mates or {}

    def notify() -> None:
        for upload in uploads:
            reason = _with_mate(rejection, mates.get(upload.id))
            write_reason(services, upload, reason, has_report=mail is None or mail.has_report)
            logger().info("rejected", extra={"upload_id": upload.id, "code": rejection["code"]})
        mail_rejection(services, uploads, rejection, mail)

    steps = [_make_step(upload, rejection["code"], mates.get(upload.id)) for upload in uploads]
    return Decision(steps, file_set=file_set, before=notify)


def _with_mate(rejection: Rejection, mate: Upload | None) -> Rejection:
    if mate is None:
        return rejection
    return {**rejection, "mate": {"upload": mate.id, "key": mate.key, "version_id": mate.version_id}}


def _make_step(upload: Upload, code: str, mate: Upload | None) -> Step[Upload]:
    return Step(upload, "REJECTED", {"reason": code, "mate": mate.id} if mate else {"reason": code})
