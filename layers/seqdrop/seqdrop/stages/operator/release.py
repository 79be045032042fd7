"""A file whose attempt failed stays in the landing bucket, until a person says that it may be archived all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seqdrop.ledger.moves import ATTEMPT, ENDS
from seqdrop.runtime.services import Services, now
from seqdrop.stages.routing import enqueue_next

if TYPE_CHECKING:
    from seqdrop.ledger.records import Upload


def explain_refusal(services: Services, upload: Upload) -> str:
    """Why an upload cannot be released, and what to do instead; empty if it can. Writes nothing."""
    if upload.state != "VALIDATED":
        return f"it is {upload.state}; only a valid file whose attempt failed can be released"
    deciding = services.ledger.deciding_attempts(upload)
    if under_way := [one for one in deciding if one.state not in ENDS[ATTEMPT]]:
        return f"attempt {under_way[0].number} is under way ({under_way[0].state}); it may yet come to predictions"
    if all(one.state != "FAILED" for one in deciding):
        return "it has all it came for, and is archived by itself"
    return f"it was released at {upload.released_at}, and is being archived" if upload.released_at else ""


def release(services: Services, upload: Upload) -> bool:
    """Let an upload be archived without predictions; False if it has moved on since it was looked at.

    A replay at the same moment writes the upload as well: one of the two is refused.
    """
    if not services.ledger.note(upload, released_at=now()):
        return False
    enqueue_next(services, services.ledger.find_upload(upload.id))
    return True
