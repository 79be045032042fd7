"""The end of an attempt that has no predictions: the lab is told, then the ledger."""

from __future__ import annotations

from seqdrop.ledger.moves import ATTEMPT, OPEN
from seqdrop.ledger.records import Attempt
from seqdrop.log import logger
from seqdrop.services import Services


def fail_attempt(services: Services, attempt: Attempt, reason: str) -> None:
    """Move an attempt to FAILED, unless it is no longer as it was read: someone else was first.

    The upload stays in the landing bucket until it is replayed or released.
    """
    found = services.ledger.attempt(attempt.key)
    if found.state not in OPEN[ATTEMPT] or found.revision != attempt.revision:
        return
    upload = services.ledger.upload(attempt.upload_id)
    services.notify(
        f"Seqdrop: no predictions for {upload.key}",
        f"{upload.key} (upload {upload.id}), analysis {attempt.analysis}, attempt {attempt.number}\n{reason}\n"
        "The file is valid and was left in the landing bucket.\n",
    )
    services.ledger.move(attempt, "FAILED", reason=reason[:1000])
    logger().error("attempt failed", extra={"upload_id": upload.id, "analysis": attempt.analysis})
