"""What a policy decides about an upload and the files that belong to it; the engine does it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from seqdrop.ledger.coordination import FileSet
from seqdrop.ledger.records import Attempt, Step, Upload
from seqdrop.runtime.services import Services, now
from seqdrop.stages.assemble.view import View
from seqdrop.stages.notifications import mail, reason


@dataclass(frozen=True)
class Decision:
    """Moves of members, new attempts, and the set as it will be: one transaction, on the set as it was read.

    `before` runs ahead of it: reports, reasons and mails are written first, so that a crash repeats them but never
    leaves them out. Afterwards the uploads of `enqueue` are sent to their next stage; by default all that became
    VALIDATED. `again`: the set is then read again and decided anew. Without a `file_set` only the members' own records
    must be as they were read.
    """

    steps: Sequence[Step] = ()
    attempts: Sequence[Attempt] = ()
    file_set: FileSet | None = None
    before: Callable[[], None] = lambda: None
    enqueue: Sequence[Upload] | None = None
    again: bool = False

    def after(self, act: Callable[[], None]) -> Decision:
        """The same decision with something more to do ahead of it."""

        def both() -> None:
            act()
            self.before()

        return replace(self, before=both)


NOTHING = Decision()


def wait(
    view: View,
    facts: dict | None = None,
    also: Sequence[Step] = (),
    file_set: FileSet | None = None,
    before: Callable[[], None] = lambda: None,
) -> Decision:
    """Let the upload wait in its slot, with these facts noted, and take other steps along.

    One that waits already is left alone; a `file_set` is written all the same.
    """
    if view.upload.state == "WAITING":
        return Decision(file_set=file_set)
    noted = (facts or {}) | {"waiting_since": view.upload.waiting_since or now()}
    return Decision([Step(view.upload, "WAITING", noted), *also], file_set=file_set or view.with_upload, before=before)


def read_again(upload: Upload, again: bool = False) -> Decision:
    """Have a member that waits read anew, from its bytes."""
    return Decision([Step(upload, "RECEIVED")], again=again)


def reject(
    services: Services,
    uploads: Sequence[Upload],
    refusal: dict,
    *,
    mates: dict[str, Upload] | None = None,
    file_set: FileSet | None = None,
    **mail_options,
) -> Decision:
    """Reject uploads for one reason, with one mail. `mates` are the files that they do not fit, by upload id.

    `refusal` is of `examination.rejection`; `mail_options` are those of `notifications.mail`.
    """
    mates = mates or {}

    def notify() -> None:
        for upload in uploads:
            reason(services, upload, refusal | _place(mates.get(upload.id)))
        mail(services, list(uploads), refusal, **mail_options)

    facts = {upload.id: {"mate": mates[upload.id].id} if upload.id in mates else {} for upload in uploads}
    steps = [Step(upload, "REJECTED", {"reason": refusal["code"]} | facts[upload.id]) for upload in uploads]
    return Decision(steps, file_set=file_set, before=notify)


def _place(mate: Upload | None) -> dict:
    return {"mate": {"upload": mate.id, "key": mate.key, "version_id": mate.version_id}} if mate else {}
