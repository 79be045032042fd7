"""Release: a person lets a file whose attempt failed be archived without predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ATTEMPT, ENDS
from seqdrop.runtime.services import Services, now
from seqdrop.stages.routing import enqueue_next

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload


def explain_refusal(services: Services, upload: Upload) -> str:
    """Return why an upload cannot be released; empty if it can. Write nothing."""
    if upload.state != "VALIDATED":
        return f"it is {upload.state}; only a valid file whose attempt failed can be released"
    deciding = services.ledger.deciding_attempts(upload)
    if running := [attempt for attempt in deciding if attempt.state not in ENDS[ATTEMPT]]:
        return f"attempt {running[0].number} is in progress ({running[0].state}), and may still succeed"
    if all(attempt.state != "FAILED" for attempt in deciding):
        return "no attempt failed, and it is archived without your help"
    return f"it was released at {upload.released_at}, and is being archived" if upload.released_at else ""


def release(services: Services, upload: Upload) -> bool:
    """Release an upload, so that it is archived without predictions; return False if its record has changed.

    A replay at the same moment writes the same record: one of the two fails.
    """
    if not services.ledger.note(upload, released_at=now()):
        return False
    enqueue_next(services, services.ledger.require_upload(upload.id))
    return True
