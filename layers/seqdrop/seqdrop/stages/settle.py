"""The end of an attempt that has no predictions: the lab is told, then the ledger."""

from __future__ import annotations

from seqdrop.log import logger
from seqdrop.services import Services

OPEN = ("PLANNED", "SUBMITTED")


def fail_attempt(services: Services, attempt_key: str, reason: str) -> None:
    """Move an attempt to FAILED, unless it has ended already: a run that broke off may have come so far.

    The upload stays in the landing bucket until it is replayed or released.
    """
    attempt = services.ledger.attempt(attempt_key)
    if attempt.state not in OPEN:
        return
    upload = services.ledger.upload(attempt.upload_id)
    services.notify(
        f"Seqdrop: no predictions for {upload.key}",
        f"{upload.key} (upload {upload.id}), analysis {attempt.analysis}, attempt {attempt.number}\n{reason}\n"
        "The file is valid and was left in the landing bucket.\n",
    )
    services.ledger.move(attempt, "FAILED", reason=reason[:1000])
    logger().error("attempt failed", extra={"upload_id": upload.id, "analysis": attempt.analysis})
