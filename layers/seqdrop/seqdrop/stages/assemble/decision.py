"""What a policy decides about an upload and the files that belong to it; the engine carries it out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from seqdrop.ledger.records import Attempt, Step, Upload
from seqdrop.runtime.log import logger
from seqdrop.runtime.services import Services, now
from seqdrop.stages.notifications import mail, reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seqdrop.errors import Rejection
    from seqdrop.ledger.coordination import FileSet
    from seqdrop.stages.assemble.view import View


@dataclass(frozen=True)
class Decision:
    """Moves of members, new attempts, and the set as it will be: one transaction, on the set as it was read.

    `before` runs ahead of it: reports, reasons and mails are written first, so that a crash repeats them but never
    leaves them out. Afterwards the uploads of `enqueue` are confirmed (`Policy.confirm`) and sent to their next stage;
    by default all that became VALIDATED. `again`: the set is then read again and decided anew. Without a `file_set`
    only the members' own records must be as they were read.
    """

    steps: Sequence[Step] = ()
    attempts: Sequence[Attempt] = ()
    file_set: FileSet | None = None
    before: Callable[[], object] = lambda: None
    enqueue: Sequence[Upload] | None = None
    again: bool = False

    def after(self, act: Callable[[], object]) -> Decision:
        """The same decision, with `act` ahead of it."""
        return replace(self, before=lambda: (act(), self.before()))


NOTHING = Decision()


def wait(view: View, facts: dict | None = None, *also: Step, file_set: FileSet | None = None) -> Decision:
    """Let the upload wait in its slot, with these facts noted, and take other steps along.

    One that waits already is left alone; a `file_set` is written all the same.
    """
    if view.upload.state == "WAITING":
        return Decision(file_set=file_set)
    facts = (facts or {}) | {"waiting_since": view.upload.waiting_since or now()}
    return Decision([Step(view.upload, "WAITING", facts), *also], file_set=file_set or view.with_upload)


def reject(
    services: Services,
    uploads: Sequence[Upload],
    refusal: Rejection,
    *,
    mates: dict[str, Upload] | None = None,
    file_set: FileSet | None = None,
    **mail_options,
) -> Decision:
    """Reject uploads for one reason, with one mail. `mates` are the files that they do not fit, by upload id.

    `refusal` is of `examination.rejection`; `mail_options` are those of `notifications.mail`.
    """

    def notify() -> None:
        for upload in uploads:
            reason(services, upload, _with_mate(upload))
            logger().info("rejected", extra={"upload_id": upload.id, "code": refusal["code"]})
        mail(services, list(uploads), refusal, **mail_options)

    def _with_mate(upload: Upload) -> Rejection:
        mate = (mates or {}).get(upload.id)
        if mate is None:
            return refusal
        return {**refusal, "mate": {"upload": mate.id, "key": mate.key, "version_id": mate.version_id}}

    def _facts(upload: Upload) -> dict:
        return {"reason": refusal["code"]} | ({"mate": mates[upload.id].id} if mates else {})

    return Decision([Step(upload, "REJECTED", _facts(upload)) for upload in uploads], file_set=file_set, before=notify)
