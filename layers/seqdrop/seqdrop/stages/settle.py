"""The end of an attempt: its predictions are written, or it failed and the lab is told."""

from __future__ import annotations

from seqdrop.ledger.records import Attempt
from seqdrop.log import logger
from seqdrop.services import Services


def fail_attempt(services: Services, attempt: Attempt, reason: str) -> None:
    """Tell the lab, then the ledger. The upload stays in the landing bucket until it is replayed or released."""
    upload = services.ledger.upload(attempt.upload_id)
    services.notify(
        f"Seqdrop: no predictions for {upload.key}",
        f"{upload.key} (upload {upload.id}), analysis {attempt.analysis}, attempt {attempt.number}\n{reason}\n"
        "The file is valid and was left in the landing bucket.\n",
    )
    services.ledger.move(attempt, "FAILED", reason=reason[:1000])
    logger().error("attempt failed", extra={"upload_id": upload.id, "analysis": attempt.analysis})
